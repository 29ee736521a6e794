package import EventLoop
package import TLS

/// The upstream connections of one loop: last in, first out, so that what is used stays warm and the rest can go.
///
/// Keeps at most 64 idle connections an origin and 256 in all. Confined to its loop.
package final class UpstreamPool {
  private static let idlePerOrigin = 64
  private static let idleLimit = 256
  private static let sweepInterval = Duration.seconds(5)

  private let loop: Loop
  private let dialer: Dialer
  private let tls: TLSClientContext
  package let timeouts: Timeouts
  private var idle: [Origin: [ClientConnection]] = [:]
  package private(set) var idleCount = 0
  private lazy var sweeper = Deadline(on: loop) { [weak self] in self?.sweep() }

  package init(
    on loop: Loop, resolver: Resolver, routes: UpstreamRoutes = UpstreamRoutes(), tls: TLSClientContext,
    timeouts: Timeouts = Timeouts()
  ) {
    self.loop = loop
    dialer = Dialer(loop: loop, resolver: resolver, routes: routes, timeouts: timeouts)
    self.tls = tls
    self.timeouts = timeouts
  }

  /// An idle connection to `origin` that looks alive, or nil.
  package func takeIdle(_ origin: Origin) -> ClientConnection? {
    while let connection = idle[origin]?.popLast() {
      idleCount -= 1
      if !connection.isStale() { return connection }
      connection.close()
    }
    return nil
  }

  /// A connection to `origin`: an idle one, or a new one.
  package func connection(to origin: Origin) async throws(TransportError) -> ClientConnection {
    if let connection = takeIdle(origin) { return connection }
    return try await connect(to: origin)
  }

  /// A new connection, TLS and all.
  package func connect(to origin: Origin) async throws(TransportError) -> ClientConnection {
    let channel = try await dialer.open(to: origin)
    guard origin.isSecure else { return ClientConnection(Transport(channel), origin: origin) }
    let secure: TLSChannel
    do {
      secure = try TLSChannel(client: channel, context: tls, serverName: origin.host, sessionKey: origin.authority)
    } catch {
      channel.close()
      throw TransportError(error)
    }
    do {
      try await secure.handshake(timeout: timeouts.tlsHandshake)
    } catch {
      secure.close()
      throw TransportError(error)
    }
    return ClientConnection(Transport(secure), origin: origin)
  }

  /// Takes a connection back after an exchange: kept when it can carry another, else closed.
  package func give(_ connection: ClientConnection) {
    guard connection.isReusable, idleCount < Self.idleLimit,
      idle[connection.origin, default: []].count < Self.idlePerOrigin
    else {
      connection.close()
      return
    }
    connection.rest()
    connection.idleSince = loop.now
    idle[connection.origin, default: []].append(connection)
    idleCount += 1
    if idleCount == 1 { sweeper.set(after: Self.sweepInterval) }
  }

  /// Closes what has been idle too long; the oldest stand first.
  private func sweep() {
    let limit = timeouts.poolIdle.nanoseconds
    for (origin, connections) in idle {
      let kept = connections.filter { connection in
        if loop.now - connection.idleSince < limit { return true }
        connection.close()
        return false
      }
      idleCount -= connections.count - kept.count
      idle[origin] = kept.isEmpty ? nil : kept
    }
    if idleCount > 0 { sweeper.set(after: Self.sweepInterval) }
  }

  /// Closes all idle connections.
  package func closeIdle() {
    for connections in idle.values { for connection in connections { connection.close() } }
    idle.removeAll()
    idleCount = 0
    sweeper.clear()
  }
}
