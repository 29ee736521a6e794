import EventLoop
import TLS

/// A server's share of one loop: the connections that live there and the handler they share.
actor ServerWorker {
  nonisolated let loop: Loop
  private let handler: any RequestHandler
  private let timeouts: Timeouts
  private var connections: [ObjectIdentifier: ServerConnection] = [:]
  /// TLS connections that are not yet ready to carry requests.
  private var handshakes: [ObjectIdentifier: TLSChannel] = [:]
  private var acceptors: [Acceptor] = []
  private var isDraining = false
  private var drained: [CheckedContinuation<Void, Never>] = []

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  init(on loop: Loop, timeouts: Timeouts, makeHandler: @Sendable (Loop) -> sending any RequestHandler) {
    self.loop = loop
    self.timeouts = timeouts
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
    guard !isDraining, let channel = try? Channel(owned, on: loop) else { return }
    guard let transport = await secure(channel, tls) else { return }
    // The handshake took time.
    guard !isDraining else { return transport.close() }
    let connection = ServerConnection(
      transport, peer: peer, listener: listener, timeouts: timeouts, handler: handler)
    let id = ObjectIdentifier(connection)
    connections[id] = connection
    await connection.run()
    connections[id] = nil
    if connections.isEmpty { resumeDrained() }
  }

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

  private func stopAccepting() {
    for acceptor in acceptors { acceptor.stop() }
    acceptors.removeAll()
  }

  /// Accepts no more, ends idle connections now and others after their response.
  /// - Returns: when none is left, with true, or after `timeout`.
  func drain(within timeout: Duration) async -> Bool {
    stopAccepting()
    isDraining = true
    closeHandshakes()
    for connection in connections.values { connection.drain() }
    if connections.isEmpty { return true }
    let end = Deadline(on: loop) { self.resumeDrained() }
    end.set(after: timeout)
    await withCheckedContinuation { continuation in
      // Asked again: the caller's task prefers another executor than this loop, so the `await` itself lets others in.
      if connections.isEmpty { continuation.resume() } else { drained.append(continuation) }
    }
    end.clear()
    return connections.isEmpty
  }

  /// Ends every connection now. Returns how many exchanges that cut.
  func cut() -> Int {
    closeHandshakes()
    return connections.values.reduce(0) { $0 + ($1.cut() ? 1 : 0) }
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
