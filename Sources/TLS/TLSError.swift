package import EventLoop

/// Why a TLS context could not be made, or a TLS connection is of no more use.
package struct TLSError: Error, Hashable, CustomStringConvertible {
  package enum Kind: Hashable, Sendable {
    /// A context or connection cannot be set up as asked. The subject is the file or the setting that is wrong.
    case configuration(subject: String, reason: String)
    /// The peer's certificate was refused. `reason` is `X509_verify_cert_error_string(3)`, such as
    /// "certificate has expired"; `queue` is OpenSSL's error queue.
    case verification(reason: String, queue: String)
    /// The handshake failed otherwise. With OpenSSL's error queue.
    case handshake(String)
    /// The peer broke the protocol, or sent a fatal alert, after the handshake. With OpenSSL's error queue.
    case violation(String)
    /// The stream ended without close_notify, so what was read may be cut short.
    case truncated
    /// A wait, or the handshake as a whole, took longer than was allowed.
    case timedOut
    /// This side closed the connection.
    case closed
    /// The socket failed.
    case system(SystemError)
  }

  package let kind: Kind
  /// The server's name, or "the client" on a server's connection. Empty for contexts.
  package let peer: String

  package init(_ kind: Kind, peer: String = "") {
    self.kind = kind
    self.peer = peer
  }

  /// One line for people, with the peer's name in front.
  package var description: String { peer.isEmpty ? "TLS: \(summary)" : "TLS with \(peer): \(summary)" }

  private var summary: String {
    switch kind {
    case .configuration(let subject, let reason): "\(subject): \(reason)"
    case .verification(let reason, let queue): "certificate refused: \(reason) (\(queue))"
    case .handshake(let queue): "handshake failed: \(queue)"
    case .violation(let queue): "protocol failure: \(queue)"
    case .truncated: "the connection ended without close_notify, data may be missing"
    case .timedOut: "timed out"
    case .closed: "the connection is closed"
    case .system(let error): error.description
    }
  }
}

extension TLSError {
  init(channel error: ChannelError, peer: String) {
    switch error {
    case .system(let cause): self.init(.system(cause), peer: peer)
    case .timedOut: self.init(.timedOut, peer: peer)
    case .closed: self.init(.closed, peer: peer)
    }
  }
}
