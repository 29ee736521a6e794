import HTTPTransport
import TLS

/// Which version of HTTP the upstreams are spoken to in: the values of `--upstream-http`.
package enum UpstreamHTTP: String, Sendable, CaseIterable {
  /// HTTP/2 for refs and API calls where the upstream offers it, HTTP/1.1 for packs: they cost less there, and one that is
  /// broken off costs its neighbours nothing.
  case automatic = "auto"
  case http1 = "1.1"
  /// HTTP/2 wherever the upstream offers it.
  case http2 = "2"

  /// What a pool is to do about HTTP/2; nil for nothing.
  /// - Parameter tls: what HTTP/1.1 is spoken in; its trust is taken over.
  func policy(_ tls: TLSClientContext) throws(TLSError) -> HTTP2Policy? {
    guard self != .http1 else { return nil }
    let tls = try TLSClientContext(trustOf: tls, applicationProtocols: ["h2", "http/1.1"])
    return HTTP2Policy(tls: tls, carriesPacks: self == .http2)
  }
}
