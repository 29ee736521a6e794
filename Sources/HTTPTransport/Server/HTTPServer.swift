package import EventLoop
import Synchronization
package import TLS

/// A server of HTTP/1.1 and HTTP/2 on all loops of a group. HTTP/2 is spoken in the clear with clients that begin with its
/// preface, and under TLS with those whose ALPN chose it: the context decides what is offered.
package final class HTTPServer: Sendable {
  private let workers: [ServerWorker]
  private let group: LoopGroup
  private let limit: Atomic<Int>
  private let onTrouble: @Sendable (ServerTrouble) -> Void

  /// - Parameters:
  ///   - maxConnections: more than this many at once on one listener are closed as they come.
  ///   - speaksHTTP2: false makes it a server of HTTP/1.1 alone.
  ///   - onTrouble: told, on a loop, what an operator should know.
  ///   - makeHandler: makes the handler of one loop.
  package init(
    on group: LoopGroup, timeouts: Timeouts = Timeouts(), maxConnections: Int = 1024,
    speaksHTTP2: Bool = true, onTrouble: @escaping @Sendable (ServerTrouble) -> Void = { _ in },
    makeHandler: @escaping @Sendable (Loop) -> sending any RequestHandler
  ) {
    self.group = group
    limit = Atomic(maxConnections)
    self.onTrouble = onTrouble
    workers = group.loops.map {
      ServerWorker(on: $0, timeouts: timeouts, speaksHTTP2: speaksHTTP2, makeHandler: makeHandler)
    }
  }

  /// Listens on `address`, in the clear or, with a context, under TLS.
  ///
  /// - Parameters:
  ///   - tls: asked for each connection.
  ///   - tag: told to handlers as the exchange's `listener.tag`.
  /// - Returns: the listener, whose address has the port that was chosen.
  @discardableResult
  package func listen(
    on address: SocketAddress, tls: @escaping @autoclosure @Sendable () -> TLSServerContext? = nil, tag: Int = 0
  ) async throws -> ListenerInfo {
    try await listen(on: ListeningSocket(binding: address), tls: tls(), tag: tag)
  }

  /// The same on a socket that listens already.
  @discardableResult
  package func listen(
    on socket: ListeningSocket, tls: @escaping @autoclosure @Sendable () -> TLSServerContext? = nil, tag: Int = 0
  ) async throws -> ListenerInfo {
    let listener = OpenListener(ListenerInfo(address: socket.address, isSecure: tls() != nil, tag: tag))
    for worker in workers {
      try await worker.accept(
        from: socket,
        assign: { [weak self] descriptor, peer in
          guard let self else { return _ = OwnedDescriptor(owning: descriptor) }
          assign(descriptor, peer, tls(), listener, from: worker)
        },
        onExhausted: { [onTrouble] in onTrouble(.exhausted($0)) })
    }
    return listener.info
  }

  /// Gives a new connection to the loop that has the fewest; the accepting one keeps it when they are even.
  private func assign(
    _ descriptor: CInt, _ peer: SocketAddress, _ tls: TLSServerContext?, _ listener: OpenListener,
    from worker: ServerWorker
  ) {
    let limit = limit.load(ordering: .relaxed)
    if listener.count.add(1, ordering: .relaxed).newValue > limit {
      listener.count.subtract(1, ordering: .relaxed)
      onTrouble(.tooManyConnections(peer, limit: limit))
      _ = OwnedDescriptor(owning: descriptor)
      return
    }
    let least = group.leastLoaded
    let own = worker.loop.load.load(ordering: .relaxed)
    let target =
      own <= least.load.load(ordering: .relaxed) ? worker : workers.first { $0.loop === least } ?? worker
    target.expected.add(1, ordering: .relaxed)
    // The preference keeps every wait below on the loop: without it, unisolated code would resume on another thread first.
    Task(executorPreference: target.loop) {
      await target.serve(descriptor, peer: peer, listener: listener.info, tls: tls)
      listener.count.subtract(1, ordering: .relaxed)
    }
  }

  /// Takes more, or fewer, connections at once on one listener from here on. Those that are open stay.
  package func set(maxConnections: Int) { limit.store(maxConnections, ordering: .relaxed) }

  /// Open connections.
  package var connectionCount: Int { workers.reduce(0) { $0 + $1.expected.load(ordering: .relaxed) } }

  /// Accepts nothing new and lets running exchanges end, for at most `timeout`; then cuts.
  /// - Parameter willCut: told before anything is cut.
  /// - Returns: how many exchanges were cut.
  package func drain(timeout: Duration, willCut: () -> Void = {}) async -> Int {
    if await isDrained(within: timeout) { return 0 }
    willCut()
    let cut = await cut()
    // Handlers see it and end; one that does not must not keep the process from ending.
    _ = await isDrained(within: Self.afterCut)
    return cut
  }

  private static let afterCut = Duration.seconds(5)

  /// Drains all loops at once. Whether they were done in time.
  private func isDrained(within timeout: Duration) async -> Bool {
    for worker in workers { await worker.beginDrain() }
    return await withTaskGroup(of: Bool.self) { tasks in
      for worker in workers { tasks.addTask { await worker.isDrained(within: timeout) } }
      return await tasks.reduce(true) { $0 && $1 }
    }
  }

  /// Ends every connection now, as at the end of a drain. Returns how many exchanges that cut.
  package func cut() async -> Int {
    var cut = 0
    for worker in workers { cut += await worker.cut() }
    return cut
  }
}

/// A listener and how many connections it has open.
private final class OpenListener: Sendable {
  let info: ListenerInfo
  let count = Atomic<Int>(0)

  init(_ info: ListenerInfo) { self.info = info }
}
