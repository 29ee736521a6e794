package import EventLoop
package import TLS

/// The upstream connections of one loop. Those of HTTP/1.1: last in, first out, so that what is used stays warm and the rest
/// can go; at most 64 idle ones an origin and 256 in all. Those of HTTP/2 are shared: see `HTTP2Links`. Confined to its
/// loop.
package final class UpstreamPool {
  private static let idlePerOrigin = 64
  private static let idleLimit = 256
  private static let sweepInterval = Duration.seconds(5)

  let loop: Loop
  private let dialer: Dialer
  private let tls: TLSClientContext
  package let timeouts: Timeouts
  private let tally: UpstreamTally
  private var idle: [Origin: [ClientConnection]] = [:]
  package private(set) var idleCount = 0 {
    didSet { tally.rests(idleCount - oldValue) }
  }
  private lazy var sweeper = Deadline(on: loop) { [weak self] in self?.sweep() }

  private let http2: HTTP2Policy?
  private lazy var links = HTTP2Links(on: loop)

  /// - Parameters:
  ///   - tls: for HTTP/1.1 connections.
  ///   - http2: where HTTP/2 is tried; nil for nowhere.
  ///   - tally: counts the connections.
  package init(
    on loop: Loop, resolver: Resolver, routes: UpstreamRoutes = UpstreamRoutes(), tls: TLSClientContext,
    timeouts: Timeouts = Timeouts(), http2: HTTP2Policy? = nil, tally: UpstreamTally = UpstreamTally()
  ) {
    self.loop = loop
    dialer = Dialer(loop: loop, resolver: resolver, routes: routes, timeouts: timeouts)
    self.tls = tls
    self.timeouts = timeouts
    self.http2 = http2
    self.tally = tally
  }

  /// An idle HTTP/1.1 connection to `origin` that looks alive, or nil.
  package func takeIdle(_ origin: Origin) -> ClientConnection? {
    while let connection = idle[origin]?.popLast() {
      idleCount -= 1
      if !connection.isStale() { return connection }
      connection.close()
    }
    return nil
  }

  /// An exchange with `origin`, on an idle connection, a shared one, or a new one.
  package func connection(to origin: Origin, carrying traffic: UpstreamTraffic = .calls)
    async throws(TransportError) -> any UpstreamExchange
  {
    if uses(http2, origin, traffic) {
      if let link = links.find(origin) { return link.begin() }
      if links.isUnsupported(by: origin), let connection = takeIdle(origin) { return connection }
    } else if let connection = takeIdle(origin) {
      return connection
    }
    return try await connect(to: origin, carrying: traffic)
  }

  /// An exchange with `origin` that is on no connection which may be stale: a new one, or one that many share.
  package func connect(to origin: Origin, carrying traffic: UpstreamTraffic = .calls)
    async throws(TransportError) -> any UpstreamExchange
  {
    guard let http2, uses(http2, origin, traffic) else { return try await connectHTTP1(to: origin, tls) }
    while true {
      if let link = links.find(origin) { return link.begin() }
      guard links.mayOpen(origin) else { return try await connectHTTP1(to: origin, tls) }
      // One connects; the others then share, unless the origin turns out not to speak HTTP/2.
      if await links.waitForConnect(origin) { continue }
      defer { links.endConnect(origin) }
      let (transport, setup) = try await openTransport(to: origin, http2.tls)
      guard transport.hasChosenHTTP2 || !origin.isSecure else {
        links.noteUnsupported(by: origin)
        return ClientConnection(transport, origin: origin, setup: setup, tally: tally)
      }
      let link = try HTTP2Link(transport, origin: origin, idle: timeouts.idle, setup: setup, tally: tally)
      links.add(link)
      sweeper.set(after: Self.sweepInterval)
      return link.begin()
    }
  }

  private func uses(_ policy: HTTP2Policy?, _ origin: Origin, _ traffic: UpstreamTraffic) -> Bool {
    guard let policy else { return false }
    return (policy.carriesPacks || traffic == .calls) && (origin.isSecure || policy.hasPriorKnowledge)
  }

  private func connectHTTP1(to origin: Origin, _ tls: TLSClientContext) async throws(TransportError)
    -> ClientConnection
  {
    let (transport, setup) = try await openTransport(to: origin, tls)
    return ClientConnection(transport, origin: origin, setup: setup, tally: tally)
  }

  private func openTransport(to origin: Origin, _ tls: TLSClientContext) async throws(TransportError) -> (
    Transport, ConnectionSetup
  ) {
    do throws(TransportError) {
      let begin = loop.now
      if origin.isSecure { tls.prepareTrust() }
      let channel = try await dialer.open(to: origin)
      let connected = loop.now
      let transport = try await secure(channel, to: origin, tls)
      tally.tried(.ok)
      return (transport, ConnectionSetup(connect: connected - begin, tls: loop.now - connected))
    } catch {
      tally.tried(ConnectResult(error))
      throw error
    }
  }

  private func secure(_ channel: Channel, to origin: Origin, _ tls: TLSClientContext) async throws(TransportError)
    -> Transport
  {
    guard origin.isSecure else { return Transport(channel) }
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
    return Transport(secure)
  }

  /// Takes an exchange back that has ended well or not: its connection is kept when it can carry another, else closed.
  package func give(_ exchange: any UpstreamExchange) { exchange.release(to: self) }

  func keep(_ connection: ClientConnection) {
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
    links.sweep(limit)
    if idleCount > 0 || !links.isEmpty { sweeper.set(after: Self.sweepInterval) }
  }

  /// Open HTTP/2 connections.
  package var linkCount: Int { links.count }

  /// Whether an HTTP/2 connection to `origin` takes another exchange now.
  package func hasSharedConnection(to origin: Origin) -> Bool { links.find(origin) != nil }

  /// Closes all idle connections; shared ones when their last exchange has ended.
  package func closeIdle() {
    for connections in idle.values { for connection in connections { connection.close() } }
    idle.removeAll()
    idleCount = 0
    links.retireAll()
    sweeper.clear()
  }
}
