import EventLoop
import Synchronization
import TLS

/// A server's share of one loop: the connections that live there and the handler they share.
actor ServerWorker {
  nonisolated let loop: Loop
  private let handler: any RequestHandler
  private let timeouts: Timeouts
  private let speaksHTTP2: Bool
  private var connections: [ObjectIdentifier: ServerConnection] = [:]
  /// TLS connections that are not yet ready to carry requests.
  private var handshakes: [ObjectIdentifier: TLSChannel] = [:]
  private var acceptors: [Acceptor] = []
  private var isDraining = false
  private var isCut = false
  /// Connections that were given to this worker and have not ended, also those that have not come yet.
  nonisolated let expected = Atomic<Int>(0)
  /// How long a connection may still be in its handshake once the drain has begun.
  private static let handshakeGrace = Duration.seconds(1)
  private lazy var handshakeEnd = Deadline(on: loop) { [unowned self] in
    // The deadline fires on this actor's loop.
    assumeIsolated { $0.closeHandshakes() }
  }
  private var drained: [CheckedContinuation<Void, Never>] = []

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  init(
    on loop: Loop, timeouts: Timeouts, speaksHTTP2: Bool, makeHandler: @Sendable (Loop) -> sending any RequestHandler
  ) {
    self.loop = loop
    self.timeouts = timeouts
    self.speaksHTTP2 = speaksHTTP2
    handler = makeHandler(loop)
  }

  /// Accepts from `socket`, handing each connection to `assign` on this loop.
  func accept(
    from socket: ListeningSocket, assign: @escaping @Sendable (CInt, SocketAddress) -> Void,
    onExhausted: @escaping @Sendable (SystemError) -> Void
  ) throws(SystemError) {
    let acceptor = try Acceptor(
      socket, on: loop,
      onAccept: { accepted in
        let peer = accepted.peer
        assign(accepted.descriptor.release(), peer)
      }, onExhausted: onExhausted)
    acceptors.append(acceptor)
  }

  /// Serves one connection to its end. Owns `descriptor`.
  func serve(_ descriptor: CInt, peer: SocketAddress, listener: ListenerInfo, tls: TLSServerContext?) async {
    let owned = OwnedDescriptor(owning: descriptor)
    guard let channel = try? Channel(owned, on: loop), let transport = await secure(channel, tls) else {
      return noteEnd()
    }
    guard !isCut else {
      transport.close()
      return noteEnd()
    }
    let connection = ServerConnection(
      transport, peer: peer, listener: listener, timeouts: timeouts, handler: handler,
      startStream: speaksHTTP2 ? { [unowned self] in startStream($0) } : nil)
    connections[ObjectIdentifier(connection)] = connection
    if isDraining { connection.drain() }
    await run(LoopConfined(connection))
  }

  private func run(_ connection: LoopConfined<ServerConnection>) async {
    if await connection.value.run() { return forget(connection) }
    connection.value.rest { [unowned self] isReadable in
      if isReadable {
        Task(executorPreference: loop) { await self.run(connection) }
      } else {
        // Channels tell on their loop, which is this actor's.
        assumeIsolated { $0.forget(connection) }
      }
    }
  }

  private func forget(_ connection: LoopConfined<ServerConnection>) {
    connections[ObjectIdentifier(connection.value)] = nil
    noteEnd()
  }

  private func noteEnd() {
    if expected.subtract(1, ordering: .relaxed).newValue == 0 { resumeDrained() }
  }

  /// Serves an HTTP/2 stream beside whatever else runs on its connection.
  private nonisolated func startStream(_ stream: LoopConfined<HTTP2ServerStream>) {
    Task(executorPreference: loop) { await self.serve(stream) }
  }

  private func serve(_ stream: LoopConfined<HTTP2ServerStream>) async { await stream.value.run(handler) }

  private func secure(_ channel: Channel, _ context: TLSServerContext?) async -> Transport? {
    guard let context else { return Transport(channel) }
    guard let tls = try? TLSChannel(server: channel, context: context) else {
      channel.close()
      return nil
    }
    let id = ObjectIdentifier(tls)
    handshakes[id] = tls
    defer { handshakes[id] = nil }
    do {
      try await tls.handshake(timeout: timeouts.tlsHandshake)
      return Transport(tls)
    } catch {
      tls.close()
      return nil
    }
  }

  /// Accepts no more, and ends idle connections soon and others after their response. Connections that were accepted may still
  /// be on their way here.
  func beginDrain() {
    for acceptor in acceptors { acceptor.stop() }
    acceptors.removeAll()
    isDraining = true
    for connection in connections.values { connection.drain() }
    handshakeEnd.set(after: Self.handshakeGrace)
  }

  /// Waits for the end of the last connection. The drain must have begun on all loops.
  /// - Returns: when none is left, with true, or after `timeout`.
  func isDrained(within timeout: Duration) async -> Bool {
    // A deadline that is set keeps its loop.
    defer { handshakeEnd.clear() }
    if isEmpty { return true }
    let end = Deadline(on: loop) { self.resumeDrained() }
    end.set(after: timeout)
    await withCheckedContinuation { continuation in
      // Asked again: the caller's task prefers another executor than this loop, so the `await` itself lets others in.
      if isEmpty { continuation.resume() } else { drained.append(continuation) }
    }
    end.clear()
    return isEmpty
  }

  private var isEmpty: Bool { expected.load(ordering: .relaxed) == 0 }

  /// Ends every connection now. Returns how many exchanges that cut.
  func cut() -> Int {
    isCut = true
    closeHandshakes()
    return connections.values.reduce(0) { $0 + $1.cut() }
  }

  private func closeHandshakes() {
    for handshake in handshakes.values { handshake.close() }
  }

  private func resumeDrained() {
    let waiting = drained
    drained.removeAll()
    for continuation in waiting { continuation.resume() }
  }
}
