import EventLoop
import HTTPCore

/// Opens byte streams to origins. Confined to its loop.
struct Dialer {
  let loop: Loop
  let resolver: Resolver
  let routes: UpstreamRoutes
  let timeouts: Timeouts

  /// A stream on which the origin's own protocol begins.
  func open(to origin: Origin) async throws(TransportError) -> Channel {
    if let address = routes.address(origin) { return try await connect(to: [address]) }
    if let proxy = routes.proxy(origin) { return try await tunnel(to: origin, through: proxy) }
    let addresses = try await addresses(of: origin.host, origin.port)
    let allowed = addresses.filter { routes.allows($0, origin) }
    guard !allowed.isEmpty || addresses.isEmpty else { throw .forbiddenAddress(host: origin.host) }
    return try await connect(to: allowed)
  }

  private func addresses(of host: String, _ port: UInt16) async throws(TransportError) -> [SocketAddress] {
    do { return try await resolver.addresses(of: host, port: port) } catch { throw .resolution(error) }
  }

  private func connect(to addresses: [SocketAddress]) async throws(TransportError) -> Channel {
    do {
      return try await Connector.connect(to: addresses, on: loop, timeout: timeouts.connect)
    } catch {
      throw .connect(error)
    }
  }

  private func tunnel(to origin: Origin, through proxy: UpstreamRoutes.Proxy) async throws(TransportError) -> Channel {
    let channel = try await connect(to: addresses(of: proxy.host, proxy.port))
    do throws(TransportError) {
      let wire = HTTP1Wire(Transport(channel))
      // The port is never left out here (RFC 9110 section 9.3.6).
      let target = "\(origin.host.utf8.contains(UInt8(ascii: ":")) ? "[\(origin.host)]" : origin.host):\(origin.port)"
      wire.writeHead(.none) { writer in
        writer.begin(.connect, target, .none)
        writer.append(.host, target)
        if let authorization = proxy.authorization { writer.append("proxy-authorization", authorization()) }
        writer.end()
      }
      try await wire.flush(idle: timeouts.idle)
      let head = try await wire.readHead(first: timeouts.tlsHandshake, rest: timeouts.head) {
        (bytes) throws(HTTPParseError) in try ResponseHead(parsing: bytes, to: .connect)
      }
      guard let head else { throw .peerClosed }
      guard head.status / 100 == 2 else { throw .proxyRefused(status: head.status) }
      // The origin waits for the client to begin, so nothing can have come yet.
      guard wire.input.isEmpty else { throw .malformed(HTTPParseError("bytes behind the proxy's answer")) }
      wire.rest()
      return channel
    } catch {
      channel.close()
      throw error
    }
  }
}
