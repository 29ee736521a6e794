import ArtifactsAPI
package import EventLoop
import HTTPTransport
import Logging
import PackCache
import TLS

/// A running gateway: its server, its access to the API and what it keeps of tokens and remotes.
package final class Gateway: Sendable {
  private let server: HTTPServer
  private let control: ControlPlane
  private let broker: TokenBroker
  private let pools: LoopPools
  private let hosts: HostList
  private let sharing: Sharing
  private let transfers: TransferGate
  private let audit: AuditLog?
  private let policy: AccessPolicy
  private let addresses = ListenerAddresses()
  /// Nil when nobody is asked who he is.
  private let access: AccessStore?
  private let logs = LoopLogs()
  package let state = GatewayState()
  /// What happens in it, in figures.
  package let metrics = GatewayMetrics()
  /// Its level can be changed at any time.
  package let log: GatewayLog

  /// - Throws: `TLSError` when the authorities of `caFile` cannot be used, `AccessFileError` when a file about access cannot.
  package init(_ configuration: GatewayConfiguration, on group: LoopGroup, log: GatewayLog) throws {
    let tls = try TLSClientContext(caFile: configuration.caFile, applicationProtocols: ["http/1.1"])
    let http2 = try configuration.upstreamHTTP.policy(tls)
    let resolver = Resolver()
    let (timeouts, routes) = (configuration.timeouts, configuration.routes)
    let metrics = metrics
    let makePool: @Sendable (Loop) -> sending UpstreamPool = {
      UpstreamPool(
        on: $0, resolver: resolver, routes: routes, tls: tls, timeouts: timeouts, http2: http2,
        tally: metrics.connections)
    }
    let courtesy = UpstreamCourtesy(
      limit: configuration.upstreamLimit, apiFailures: configuration.apiFailureLimit, log: log.logger)
    let control = ControlPlane(
      on: group.loops[0], configuration.endpoint, metrics: metrics, courtesy: courtesy, makePool: makePool)
    let policy = RemotePolicy(
      patterns: configuration.allowedRemoteHosts, allowsInsecure: configuration.allowsInsecureUpstream,
      trustedOrigins: configuration.trustedOrigins)
    let directory = RemoteDirectory(
      control, policy: policy, template: configuration.remoteTemplate, accountID: configuration.endpoint.accountID)
    let broker = TokenBroker(
      control, source: configuration.staticToken.map { .fixed($0) } ?? .api(ttl: configuration.tokenTTL),
      clock: configuration.wallClock,
      onMint: { [audit = configuration.audit] key, failure in
        metrics.minted(key.scope, failure)
        audit?.write(.mint(key, failure: failure))
      })
    let packs = Self.packs(configuration, log.logger)
    let sharing = Sharing(
      refs: RefFlights { metrics.refFlights.increment($0) }, packs: packs, accountID: configuration.endpoint.accountID,
      grace: configuration.cacheGrace)
    self.sharing = sharing
    let memory = RepoMemory(directory: directory, broker: broker, packs: packs)
    let creator = configuration.createsOnPush ? RepoCreator(control, memory: memory) : nil
    let rules = AccessPolicy(configuration.access, wallClock: configuration.wallClock)
    self.policy = rules
    let shared = try Self.authentication(configuration, rules, state, on: group.loops[0], log.logger)
    let transfers = TransferGate(limit: configuration.maxTransfers, patience: configuration.transferPatience)
    let pools = LoopPools()
    let hosts = HostList(configuration.allowedHosts)
    let health = HealthEndpoints(state: state, configuration: configuration, hasCache: packs != nil)
    let board = TransferBoard()
    let page = StatusPage(
      configuration: configuration,
      source: StatusSource(
        state, metrics, broker, packs, board, TroubleRing(), isTokenFixed: configuration.staticToken != nil))
    self.control = control
    self.broker = broker
    self.pools = pools
    self.hosts = hosts
    self.transfers = transfers
    audit = configuration.audit
    state.set(isReadOnly: configuration.isReadOnly)
    self.log = log
    access = shared?.store
    server = HTTPServer(
      on: group, timeouts: timeouts, maxConnections: configuration.maxConnections,
      onTrouble: { trouble in
        if case .tooManyConnections = trouble { metrics.rejected.increment(.connections) }
        log.logger.warning("\(trouble)")
      },
      makeHandler: { [state, addresses, logs] loop in
        let pool = makePool(loop)
        pools.add(pool, on: loop)
        let counts = LoopMetrics(metrics)
        let grants = GrantCache(
          memory: memory, creator: creator, courtesy: courtesy, configuration: configuration)
        let access = Access(rules, metrics, log.logger)
        let admin = AdminAPI(
          client: ArtifactsClient(
            pool, configuration.endpoint, observer: courtesy.observing(counts.callObserver)),
          memory: memory, sharing: sharing, configuration: configuration, state: state, access: access)
        return GatewayHandler(
          configuration, pool: pool, grants: grants, sharing: sharing, transfers: transfers, admin: admin,
          health: health, page: page, running: board.list(on: loop), hosts: hosts,
          authenticator: shared.map { Authenticator($0, addresses) }, access: access, metrics: counts,
          accessLog: logs.make(log, on: loop))
      })
    metrics.expose(state, sharing) { log.droppedCount }
    metrics.registry.observe(MetricNames.auditLost) { [audit] in Double(audit?.lostCount ?? 0) }
  }

  /// Makes what takes ID tokens; nothing when there is no provider.
  private static func verifiers(
    _ configuration: GatewayConfiguration, on loop: Loop, _ log: Logger
  ) -> AccessStore.VerifierSource {
    { (providers, before) throws(AccessFileError) in
      if let verifier = configuration.bearerVerifier { return verifier }
      let before = before as? OIDCAuthenticator
      guard !providers.isEmpty else {
        before?.retire()
        return nil
      }
      do throws(TLSError) {
        return try OIDCAuthenticator(providers, configuration, on: loop, after: before) {
          log.warning("keys of an OpenID provider cannot be fetched", metadata: ["reason": "\($0)"])
        }
      } catch { throw AccessFileError("oidc.ca_file: \(error)") }
    }
  }

  /// What the authenticators of all loops share; nil when nobody is asked who he is.
  private static func authentication(
    _ configuration: GatewayConfiguration, _ rules: AccessPolicy, _ state: GatewayState, on loop: Loop, _ log: Logger
  ) throws(AccessFileError) -> Authenticator.Shared? {
    guard configuration.access.authentication != nil || configuration.accessSource != nil else { return nil }
    let store = try AccessStore(
      configuration.access, source: configuration.accessSource, makeVerifier: verifiers(configuration, on: loop, log)
    ) { outcome in
      switch outcome {
      case .success(let access):
        rules.set(access)
        log.notice("access reloaded")
      case .failure(let error):
        log.error("access not reloaded; the one before goes on", metadata: ["reason": "\(error)"])
      }
      state.noteReload(isGood: (try? outcome.get()) != nil)
    }
    return Authenticator.Shared(store: store, clock: configuration.wallClock)
  }

  /// The pack cache. Without a directory that will do there is none: all passes through.
  private static func packs(_ configuration: GatewayConfiguration, _ log: Logger) -> PackCache? {
    guard let directory = configuration.cacheDirectory, configuration.cacheSize > 0 else { return nil }
    do throws(PackStoreError) {
      return PackCache(
        try PackStore(directory: directory, limit: configuration.cacheSize, clock: configuration.wallClock) {
          log.warning("pack cache", metadata: ["reason": "\($0)"])
        })
    } catch {
      log.warning("packs are not cached", metadata: ["directory": "\(directory)", "reason": "\(error)"])
      return nil
    }
  }

  /// Listens on one more address. Returns it with the port that was chosen.
  /// - Throws: `TLSError` for a certificate that does not do, `SystemError` for an address that does not.
  package func listen(on listener: ListenerConfiguration) async throws -> SocketAddress {
    let context = try listener.tls.map { (files) throws(TLSError) in
      try ReloadingServerContext(files, applicationProtocols: ["h2", "http/1.1"]) { [state, log = log.logger] error in
        state.looked(atCertificate: files.certificate, fault: error.map { "\($0)" })
        if let error {
          log.warning("certificate not reloaded; the old one goes on", metadata: ["reason": "\(error)"])
        } else {
          log.info("certificate reloaded", metadata: ["file": "\(files.certificate)"])
        }
      }
    }
    let info = try await server.listen(
      on: listener.socket ?? ListeningSocket(binding: listener.address), tls: context?.current,
      tag: addresses.add(listener))
    state.add(info)
    if let files = listener.tls { state.looked(atCertificate: files.certificate, fault: nil) }
    hosts.add(info.address)
    var metadata: Logger.Metadata = ["address": "\(info.address)", "scheme": info.isSecure ? "https" : "http"]
    if listener.isAdmin { metadata["serves"] = "admin" }
    if let access {
      metadata["accepts"] = "\(access.accepted(on: listener.address).map(\.rawValue).joined(separator: " "))"
    }
    log.logger.info("listening", metadata: metadata)
    return info.address
  }

  /// Listens on one more address, in the clear.
  package func listen(on address: SocketAddress) async throws -> SocketAddress {
    try await listen(on: ListenerConfiguration(address))
  }

  /// Changes what may change while it runs. What is under way goes on as it began.
  /// - Throws: when a file about access does not load; nothing has changed then.
  package func apply(_ settings: RuntimeSettings) throws(AccessFileError) {
    try access?.set(settings.access, source: settings.accessSource)
    state.set(isReadOnly: settings.isReadOnly)
    hosts.set(settings.allowedHosts)
    transfers.set(limit: settings.maxTransfers)
    policy.set(settings.access)
    server.set(maxConnections: settings.maxConnections)
    audit?.reopen()
  }

  /// From here on the gateway says that it is ready.
  package func ready() { state.advance(to: .ready) }

  /// Tokens minted since the start.
  package var mintCount: Int { get async { await broker.mintCount } }

  /// Lets running exchanges end, for at most `timeout`, then cuts them, and revokes the tokens that are left.
  /// - Returns: how many exchanges were cut.
  package func drain(timeout: Duration) async -> Int {
    state.advance(to: .draining)
    let cut = await server.drain(timeout: timeout) { state.beginCut() }
    await broker.revokeAll(within: .seconds(2))
    await control.closeIdle()
    await pools.closeIdle()
    await logs.flush()
    await (access?.snapshot.verifier as? OIDCAuthenticator)?.closeIdle()
    audit?.flush()
    return cut
  }

  /// Ends running exchanges now.
  package func cut() async -> Int {
    state.beginCut()
    return await server.cut()
  }
}
