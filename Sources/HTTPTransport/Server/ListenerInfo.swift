package import EventLoop

/// The listener that a connection came in by.
package struct ListenerInfo: Sendable {
  /// Where it listens, with the port that was chosen.
  package let address: SocketAddress
  package let isSecure: Bool
  /// What its owner calls it, to tell its listeners apart.
  package let tag: Int
}
