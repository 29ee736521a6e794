package import EventLoop

/// A listening socket that keeps what it accepts until a test asks for it. Confined to its loop; to be closed.
package final class Listening {
  package let socket: ListeningSocket
  private let loop: Loop
  private var acceptor: Acceptor?
  private var waiting: UnsafeContinuation<Void, Never>?
  private var accepted: [Peer] = []
  package private(set) var acceptedCount = 0

  package init(_ socket: ListeningSocket, on loop: Loop) throws {
    self.socket = socket
    self.loop = loop
    acceptor = try Acceptor(
      socket, on: loop, onAccept: { [unowned self] in take($0.descriptor) }, onExhausted: { _ in })
  }

  package convenience init(on loop: Loop) throws {
    try self.init(try ListeningSocket(binding: .anyLoopback), on: loop)
  }

  package var address: SocketAddress { socket.address }

  private func take(_ descriptor: consuming OwnedDescriptor) {
    guard let channel = try? Channel(descriptor, on: loop) else { return }
    accepted.append(Peer(channel))
    acceptedCount += 1
    waiting?.resume()
    waiting = nil
  }

  /// The next connection, in the order in which they came.
  package func next() async -> Peer {
    while accepted.isEmpty { await withUnsafeContinuation { waiting = $0 } }
    return accepted.removeFirst()
  }

  /// Accepts no more and closes what nobody has asked for.
  package func close() {
    acceptor?.stop()
    accepted.removeAll()
  }
}
