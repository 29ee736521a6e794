import Synchronization

/// What came of opening a connection to an upstream.
package enum ConnectResult: String, CaseIterable, Sendable {
  case ok
  /// Its name has no address.
  case dns
  /// No address took the connection.
  case connect
  case tls
  /// The proxy on the way refused.
  case proxy
  /// Its name has only addresses that may not be used.
  case forbidden
  case timeout
  case failed

  init(_ error: TransportError) {
    self =
      switch error {
      case .resolution: .dns
      case .connect: .connect
      case .tls: .tls
      case .proxyRefused: .proxy
      case .forbiddenAddress: .forbidden
      case .timedOut: .timeout
      case .malformed, .closed, .peerClosed, .system, .tooLong, .reset: .failed
      }
  }
}

/// How long it took to open a connection, nanoseconds.
package struct ConnectionSetup: Sendable {
  /// Looking up the name, connecting, and the proxy's part.
  package let connect: UInt64
  /// The handshake; 0 in the clear.
  package let tls: UInt64
}

/// Counts the upstream connections of any number of pools.
package final class UpstreamTally: Sendable {
  private let open = Atomic<Int>(0)
  private let idle = Atomic<Int>(0)
  private let onConnect: @Sendable (ConnectResult) -> Void

  /// - Parameter onConnect: told, on a loop, of each connection that was opened or tried.
  package init(onConnect: @escaping @Sendable (ConnectResult) -> Void = { _ in }) { self.onConnect = onConnect }

  /// Connections that carry an exchange.
  package var activeCount: Int { max(0, open.load(ordering: .relaxed) - idle.load(ordering: .relaxed)) }
  /// Connections that wait for one.
  package var idleCount: Int { idle.load(ordering: .relaxed) }

  func tried(_ result: ConnectResult) { onConnect(result) }
  func opened() { open.add(1, ordering: .relaxed) }
  func closed() { open.subtract(1, ordering: .relaxed) }
  func rests(_ count: Int = 1) { idle.add(count, ordering: .relaxed) }
  func works(_ count: Int = 1) { idle.subtract(count, ordering: .relaxed) }
}
