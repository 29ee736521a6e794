package import ArtifactsAPI
package import EventLoop
import HTTPCore
package import HTTPTransport
package import TLS

/// Tries, one by one, what the gateway needs of the API. Each step goes the way that the gateway's own calls go.
package actor UpstreamProbe {
  /// What a step towards the API has shown.
  package struct Contact: Sendable {
    package let status: Int
    /// The server's clock, seconds since 1970, if it says.
    package let date: Int?
  }

  private let loop: Loop
  private let configuration: GatewayConfiguration
  private let client: HTTPClient
  private let pool: UpstreamPool
  private let control: ControlPlane

  package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  /// - Throws: `TLSError` when the authorities of `caFile` cannot be used.
  package init(_ configuration: GatewayConfiguration, on loop: Loop) throws(TLSError) {
    let tls = try TLSClientContext(caFile: configuration.caFile, applicationProtocols: ["http/1.1"])
    let (timeouts, routes) = (configuration.timeouts, configuration.routes)
    let makePool: @Sendable (Loop) -> sending UpstreamPool = {
      UpstreamPool(on: $0, resolver: Resolver(), routes: routes, tls: tls, timeouts: timeouts)
    }
    self.loop = loop
    self.configuration = configuration
    pool = makePool(loop)
    client = HTTPClient(pool)
    control = ControlPlane(on: loop, configuration.endpoint, makePool: makePool)
  }

  /// Where connections for the API are opened to: its own origin, or the proxy.
  package nonisolated var nextHop: (host: String, port: UInt16, isProxy: Bool) {
    let origin = configuration.endpoint.base.origin
    if let proxy = configuration.routes.proxy(origin) { return (proxy.host, proxy.port, true) }
    return (origin.host, origin.port, false)
  }

  /// The addresses of a host.
  package nonisolated func addresses(of host: String, port: UInt16) async throws(ResolutionError) -> [SocketAddress] {
    try await Resolver().addresses(of: host, port: port)
  }

  /// Sends the API a request without credentials; any answer will do.
  package func contact() async throws(TransportError) -> Contact {
    let base = configuration.endpoint.base
    let response = try await client.send(
      .get, base.path + "/", to: base.origin, fields: Fields([("accept", "application/json")]), isReplayable: true)
    pool.closeIdle()
    return Contact(status: response.status, date: response.fields[.date].flatMap { HTTPDate.parse($0) })
  }

  /// The first repo of the namespace, or nil: what the permission to read opens.
  package func firstRepo() async throws(ArtifactsError) -> RepoKey? {
    let namespace = configuration.namespace
    return try await control.firstRepo(namespace).map { RepoKey(namespace: namespace, name: $0.name) }
  }

  /// Mints a read token for a repo and revokes it: what the permission to edit opens.
  package func mint(for repo: RepoKey) async throws(ArtifactsError) {
    let token = try await control.createToken(repo, .read, ttl: 60)
    try await control.revokeToken(repo.namespace, id: token.id)
  }

  /// To be called at the end.
  package func close() async {
    pool.closeIdle()
    await control.closeIdle()
  }
}
