package import EventLoop

/// An upstream that keeps each connection's bytes as they came and looks at them only through `next`. Lives on a loop and
/// never blocks it.
package actor RawUpstream {
  /// How many bytes the request takes that some bytes begin with, and the answer to it; nil when more must come.
  package typealias Next = @Sendable ([UInt8]) -> (length: Int, answer: [UInt8])?

  private let loop: Loop
  private let next: Next
  private var acceptor: Acceptor?
  private var channels: [ObjectIdentifier: Channel] = [:]
  private var waiting: [CheckedContinuation<Void, Never>] = []
  /// All bytes of each connection, in the order in which the connections came.
  package private(set) var streams: [[UInt8]] = []

  package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  package init(on loop: Loop, next: @escaping Next) {
    self.loop = loop
    self.next = next
  }

  /// Listens on a free loopback port, which is returned.
  package func start() throws -> UInt16 {
    let socket = try ListeningSocket(binding: .anyLoopback)
    acceptor = try Acceptor(
      socket, on: loop,
      onAccept: { [loop] accepted in
        let number = accepted.descriptor.release()
        Task(executorPreference: loop) { await self.serve(number) }
      }, onExhausted: { _ in })
    guard let port = socket.address.port else { throw TestFailure("no port") }
    return port
  }

  private func serve(_ number: CInt) async {
    let owned = OwnedDescriptor(owning: number)
    guard acceptor != nil, let channel = try? Channel(owned, on: loop) else { return }
    channels[ObjectIdentifier(channel)] = channel
    let peer = Peer(channel)
    let index = streams.count
    streams.append([])
    var answered = 0
    while let byte = try? await peer.receive(1) {
      streams[index] += byte + peer.takeAll()
      while let (length, answer) = next(Array(streams[index][answered...])) {
        answered += length
        guard (try? await channel.sendAll(answer)) != nil else { break }
      }
    }
    channel.close()
    channels[ObjectIdentifier(channel)] = nil
    if channels.isEmpty {
      for continuation in waiting { continuation.resume() }
      waiting.removeAll()
    }
  }

  package func waitForNoConnections() async {
    if channels.isEmpty { return }
    await withCheckedContinuation { continuation in
      if channels.isEmpty { continuation.resume() } else { waiting.append(continuation) }
    }
  }

  /// Accepts no more and closes what is open.
  package func stop() {
    acceptor?.stop()
    acceptor = nil
    for channel in channels.values { channel.close() }
  }
}
