package import EventLoop

/// What the operator of a server should know.
package enum ServerTrouble: Sendable, CustomStringConvertible {
  /// No connection can be accepted for want of descriptors or memory.
  case exhausted(SystemError)
  /// A connection was closed as it came.
  case tooManyConnections(SocketAddress, limit: Int)

  package var description: String {
    switch self {
    case .exhausted(let error): "not accepting for a moment: \(error)"
    case .tooManyConnections(let peer, let limit): "connection from \(peer) closed: \(limit) are open already"
    }
  }
}
