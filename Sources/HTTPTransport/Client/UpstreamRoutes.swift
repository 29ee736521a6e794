package import EventLoop

/// Which way upstream connections take: through a proxy or directly, and to which addresses.
package struct UpstreamRoutes: Sendable {
  /// A proxy that opens tunnels on demand (CONNECT, RFC 9110 section 9.3.6).
  package struct Proxy: Sendable {
    package let host: String
    package let port: UInt16
    /// The value of `Proxy-Authorization`, which is a secret.
    package let authorization: (@Sendable () -> String)?

    package init(host: String, port: UInt16, authorization: (@Sendable () -> String)? = nil) {
      self.host = host
      self.port = port
      self.authorization = authorization
    }
  }

  /// The proxy for an origin; nil is the direct way.
  package var proxy: @Sendable (Origin) -> Proxy? = { _ in nil }
  /// Where an origin is that no name leads to, such as a Unix socket; nil is what its name says.
  package var address: @Sendable (Origin) -> SocketAddress? = { _ in nil }
  /// Whether a connection for an origin may go to an address that its name has. Not asked where a proxy resolves the name.
  package var allows: @Sendable (SocketAddress, Origin) -> Bool = { _, _ in true }

  package init() {}
}
