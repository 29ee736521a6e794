package import EventLoop
package import HTTPCore
package import TLS

/// Why a connection, or an exchange on it, came to nothing.
package enum TransportError: Error, Hashable, CustomStringConvertible {
  /// Nothing moved for the whole idle time.
  case timedOut
  /// This side closed the connection while somebody used it.
  case closed
  /// The peer closed where more had to come.
  case peerClosed
  case system(SystemError)
  case tls(TLSError)
  /// The peer broke the rules of HTTP.
  case malformed(HTTPParseError)
  case connect(ConnectError)
  case resolution(ResolutionError)
  /// The name of a host leads only to addresses that connections for it may not go to.
  case forbiddenAddress(host: String)
  /// The proxy opens no tunnel.
  case proxyRefused(status: Int)
  /// A body is longer than its reader takes, bytes.
  case tooLong(limit: Int)
  /// The peer broke off one HTTP/2 stream.
  case reset(HTTP2ErrorCode)

  init(_ error: HTTP2Error) { self = .malformed(HTTPParseError(error.reason)) }

  package init(_ error: ChannelError) {
    switch error {
    case .timedOut: self = .timedOut
    case .closed: self = .closed
    case .system(let error): self = .system(error)
    }
  }

  package init(_ error: TLSError) {
    switch error.kind {
    case .timedOut: self = .timedOut
    case .closed: self = .closed
    case .system(let cause): self = .system(cause)
    case .truncated: self = .peerClosed
    case .configuration, .verification, .handshake, .violation: self = .tls(error)
    }
  }

  package var description: String {
    switch self {
    case .timedOut: "timed out"
    case .closed: "connection closed"
    case .peerClosed: "connection closed by the peer"
    case .system(let error): error.description
    case .tls(let error): error.description
    case .malformed(let error): "malformed message: \(error)"
    case .connect(let error): error.description
    case .resolution(let error): error.description
    case .forbiddenAddress(let host):
      "\(host) has a private or local address only"
    case .proxyRefused(let status): "the proxy answered \(status) to CONNECT"
    case .tooLong(let limit): "the body is longer than \(limit) bytes"
    case .reset(let code): "stream reset by the peer (\(code))"
    }
  }
}
