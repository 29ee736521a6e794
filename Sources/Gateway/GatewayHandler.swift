import ArtifactsAPI
import EventLoop
import GitProtocol
import HTTPCore
import HTTPTransport

/// The gateway on one loop: routes each request and sees it through to its log line. Confined to its loop.
final class GatewayHandler: RequestHandler {
  private let configuration: GatewayConfiguration
  private let router: Router
  private let pool: UpstreamPool
  private let grants: GrantCache
  private let sharing: Sharing
  private let advertisements: AdvertisementCache
  private let transfers: TransferGate
  private let admin: AdminAPI
  private let health: HealthEndpoints
  private let page: StatusPage
  private let running: RunningTransfers
  private let entry: EntryRules
  /// Nil when nobody is asked who he is.
  private let authenticator: Authenticator?
  private let access: Access
  /// Nil when there is no API that knows the repos.
  private let client: ArtifactsClient?
  private let metrics: LoopMetrics
  private let accessLog: AccessLog
  private var requestNumber = UInt64.random(in: 0...UInt64.max)
  /// Routes of targets that were seen: most requests of a fleet name the same few. Git routes only.
  private var routes: [String: GitRoute] = [:]
  private static let routeLimit = 1024

  init(
    _ configuration: GatewayConfiguration, pool: UpstreamPool, grants: GrantCache, sharing: Sharing,
    transfers: TransferGate, admin: AdminAPI, health: HealthEndpoints, page: StatusPage, running: RunningTransfers,
    hosts: HostList, authenticator: Authenticator?, access: Access, metrics: LoopMetrics, accessLog: AccessLog
  ) {
    self.access = access
    client = configuration.staticToken == nil ? admin.client : nil
    self.configuration = configuration
    self.pool = pool
    self.grants = grants
    self.sharing = sharing
    advertisements = AdvertisementCache(lifetime: configuration.advertisementLife)
    self.transfers = transfers
    self.admin = admin
    self.health = health
    self.page = page
    self.running = running
    self.metrics = metrics
    self.authenticator = authenticator
    entry = EntryRules(hosts)
    self.accessLog = accessLog
    router = Router(defaultNamespace: configuration.namespace)
  }

  func handle(_ exchange: ServerExchange) async throws {
    let activity = configuration.activity.flatMap { ActivityMeter.counts(exchange.request.path) ? $0 : nil }
    activity?.begin()
    defer { activity?.end() }
    let route = route(of: exchange)
    let refusal = entry.refusal(of: exchange.request, from: exchange.peer)
    var asker: Result<Identity, CredentialRefusal>?
    if refusal == nil, let authenticator, Authenticator.isAsked(route, exchange) {
      asker = await authenticator.result(exchange)
    }
    if refusal == nil, (try? asker?.get()) != nil || asker == nil, let probe = probe(route) {
      return try await probe(exchange)
    }
    let record = begin(exchange, route)
    do {
      if let refusal { return try await refuse(atEntry: exchange, route, record, refusal) }
      switch asker {
      case nil: break
      case .success(let identity):
        record.identity = identity
        if identity.source == .anonymous, let authenticator { record.challenges = authenticator.challenges(exchange) }
      case .failure(let refusal): return try await refuse(asker: exchange, route, record, refusal)
      }
      if let refusal = overuse(exchange, record) {
        return try await refuse(atEntry: exchange, route, record, refusal)
      }
      try await serve(exchange, route, record)
    } catch {
      record.broke(exchange, error)
      throw error
    }
  }

  /// Where a request goes, given the listener that it came in by.
  private func route(of exchange: ServerExchange) -> Route {
    let request = exchange.request
    let isAdmin = exchange.listener.isAdmin
    if !isAdmin, let route = routes[request.target], request.method == (route.operation == .service ? .post : .get) {
      return .git(route)
    }
    let route = router.route(request.method, request.path, query: request.query)
    switch route {
    case .git where isAdmin:
      return .refused(status: 404, allow: nil, "git is served on another address")
    case .admin where configuration.hasAdminListener && !isAdmin,
      .status where configuration.hasAdminListener && !isAdmin,
      .metrics where configuration.hasAdminListener && !isAdmin:
      return .refused(status: 404, allow: nil, "the admin API is served on another address")
    case .git(let git):
      if routes.count >= Self.routeLimit { routes.removeAll(keepingCapacity: true) }
      routes[request.target] = git
    default: break
    }
    return route
  }

  /// What answers those who only look whether all is well, and leaves no trace of it.
  private func probe(_ route: Route) -> ((ServerExchange) async throws(TransportError) -> Void)? {
    switch route {
    case .livez: health.live
    case .readyz: health.ready
    case .metrics: MetricsEndpoint(registry: metrics.shared.registry).answer
    case .git, .admin, .status, .control, .refused: nil
    }
  }

  private func begin(_ exchange: ServerExchange, _ route: Route) -> RequestRecord {
    let record: RequestRecord
    switch route {
    case .git(let git):
      record = RequestRecord(
        nextRequestID(), RequestService(git.operation, git.service), git, at: exchange.startedAt)
    case .admin: record = RequestRecord(nextRequestID(), .api, nil, at: exchange.startedAt)
    case .livez, .readyz, .metrics, .status, .control, .refused:
      record = RequestRecord(nextRequestID(), .ops, nil, at: exchange.startedAt)
    }
    record.isAudited = configuration.audit != nil && record.service == .receivePack
    exchange.attachment = record
    metrics.began()
    return record
  }

  private func serve(_ exchange: ServerExchange, _ route: Route, _ record: RequestRecord) async throws {
    switch route {
    case .git(let git):
      let refusal = refusal(git, record)
      // Git asks without credentials first.
      if let refusal, !record.challenges.isEmpty {
        return try await refuse(asker: exchange, route, record, CredentialRefusal(.missing, refusal.text))
      }
      try await self.git(exchange, git, record, refusal: refusal)
    case .admin(let path): try await admin.handle(exchange, path, requestID: record.id.description)
    case .control(let operation):
      let control = ControlEndpoints(actions: configuration.controls)
      var failure = control.refusal(on: exchange.listener)
      if failure == nil, access.isOn, !Authenticator.isOperator(exchange) {
        failure = access.refusal(record.identity, .admin, .gateway)
        if let failure, !record.challenges.isEmpty {
          return try await refuse(asker: exchange, route, record, CredentialRefusal(.missing, failure.text))
        }
      }
      if failure == nil { failure = try await control.perform(operation, on: exchange) }
      if let failure { try await refuse(exchange, failure, record) }
    case .status:
      let readsAll = !access.isOn || access.allows(record.identity, .admin, .gateway)
      try await page.send(on: exchange, readsAll: readsAll)
    case .refused(let status, let allow, let text):
      let codes: [Int: ProxyError.Code] = [403: .forbidden, 404: .notFound, 405: .wrongMethod]
      try await refuse(exchange, ProxyError(codes[status] ?? .badRequest, status: status, text), record, allow: allow)
    case .livez, .readyz, .metrics: break
    }
  }

  private func refuse(
    _ exchange: ServerExchange, _ error: ProxyError, _ record: RequestRecord, allow: String? = nil
  ) async throws {
    record.failure = error
    if error.isEndOfConnection { exchange.closesConnection = true }
    try await ErrorReply(error: error, requestID: record.id).sendStatus(on: exchange, allow: allow)
  }

  /// Answers what the entry rules refuse, in the form of the route that was asked for.
  private func refuse(
    atEntry exchange: ServerExchange, _ route: Route, _ record: RequestRecord, _ refusal: ProxyError
  ) async throws {
    switch route {
    case .git(let route): try await git(exchange, route, record, refusal: refusal)
    case .admin:
      record.failure = refusal
      var problem = Problem(refusal.status, refusal.text)
      if refusal.code != .forbidden { problem.name = refusal.code.rawValue.uppercased() }
      try await problem.send(on: exchange, requestID: record.id.description)
    case .livez, .readyz, .metrics, .status, .control, .refused: try await refuse(exchange, refusal, record)
    }
  }

  /// Answers somebody who is not taken for who he says he is: by a status, whatever was asked for, so that clients send
  /// credentials.
  private func refuse(
    asker exchange: ServerExchange, _ route: Route, _ record: RequestRecord, _ refusal: CredentialRefusal
  ) async throws {
    let asked = authenticator?.challenges(exchange) ?? []
    let error = ProxyError(refusal, isAsking: !asked.isEmpty)
    let challenges = error.status == 401 ? asked : []
    record.failure = error
    guard case .admin = route else {
      return try await ErrorReply(error: error, requestID: record.id).sendStatus(on: exchange, challenges: challenges)
    }
    var problem = Problem(error.status, error.text)
    problem.name = error.code.rawValue.uppercased()
    problem.challenges = challenges
    problem.retryAfter = error.retryAfter.map { Int($0.components.seconds) }
    try await problem.send(on: exchange, requestID: record.id.description)
  }

  func fields(
    ofRefusal status: Int, _ reason: String, from peer: SocketAddress, on exchange: ServerExchange?
  ) -> Fields {
    let id: RequestID
    if let record = exchange?.attachment as? RequestRecord {
      id = record.id
    } else {
      id = nextRequestID()
      metrics.refusedUnread(status)
      accessLog.write(
        unread: status, reason, from: peer, id, isLast: health.state.current == .draining)
    }
    let word = Status.phrase(status).description.lowercased().map { $0 == " " ? "_" : String($0) }.joined()
    return Fields([("x-artifacts-gateway-error", word), ("x-request-id", id.description)])
  }

  func ended(_ exchange: ServerExchange) {
    guard let record = exchange.attachment as? RequestRecord else { return }
    metrics.ended(exchange, record.service, status: record.status(of: exchange))
    if record.isTroubled {
      if let code = record.failure?.code, let reason = Rejection(code) { metrics.shared.rejected.increment(reason) }
      if let trouble = Trouble(record, at: WallClock.now) { page.source.troubles.add(trouble) }
    }
    if let limiter = access.limiter {
      limiter.moved(exchange.bodyBytesRead + exchange.bytesWritten, owner(record, exchange), record.identity)
    }
    accessLog.write(
      exchange, record, isKilled: health.state.isCutting, isLast: health.state.current == .draining)
    if let audit = configuration.audit,
      let event = AuditEvent(of: exchange, record, isKilled: health.state.isCutting)
    {
      audit.write(event)
    }
  }

  private func git(
    _ exchange: ServerExchange, _ route: GitRoute, _ record: RequestRecord, refusal: ProxyError? = nil
  ) async throws {
    let relay = GitRelay(
      exchange, route, record, pool: pool, grants: grants, metrics: metrics,
      firstByte: route.operation == .service ? configuration.packFirstByte : configuration.refsFirstByte)
    do {
      if let refusal { throw refusal }
      try check(exchange.request, route)
      if route.operation == .service {
        try await relay.readBeginning()
        // Now: what is held moves when more is read.
        if record.isAudited { _ = relay.inspectPush() }
        record.enter(.queue, at: exchange.loop.now)
        let rank = TransferGate.Rank(route.service, exchange.request, beginning: relay.held.bytes)
        let owner = owner(record, exchange)
        let cap = access.limiter?.transferCap(owner, record.identity) ?? .max
        let place = try await transfers.enter(rank, of: owner, cap: cap, on: exchange.loop)
        running.add(relay)
        defer {
          running.remove(relay)
          transfers.leave(place)
        }
        record.enter(.request, at: exchange.loop.now)
        if route.service == .receivePack { relay.sizes = sizes(of: exchange.request) }
        if route.service == .uploadPack {
          try await UploadPackRelay(relay, sharing, grants).run()
        } else if let rules = access.pushRules(record.identity, route.repo) {
          let guarding = PushGuard(
            relay: relay, rules: rules, identity: record.identity, access: access, client: client)
          if try await guarding.admits() { try await relay.run() }
        } else {
          try await relay.run()
        }
      } else if advertisements.isEnabled, AdvertisementCache.holds(exchange.request, route) {
        try await advertise(relay)
      } else {
        try await relay.run()
      }
    } catch let error as ProxyError {
      record.failure = hinted(error, route, exchange)
      if error.isEndOfConnection { exchange.closesConnection = true }
    }
    if let failure = record.failure, !exchange.hasStarted {
      do { try await tell(failure, to: exchange, route, relay) } catch {
        await relay.endPump()
        throw error
      }
    }
    await relay.endPump()
  }

  /// Whom a transfer is counted for: the one who showed who he is, or else his machine.
  private func owner(_ record: RequestRecord, _ exchange: ServerExchange) -> String {
    record.identity.source == .anonymous ? exchange.peer.host : record.identity.description
  }

  /// Why somebody is refused who has asked for too much already.
  private func overuse(_ exchange: ServerExchange, _ record: RequestRecord) -> ProxyError? {
    guard let limiter = access.limiter, record.service != .ops else { return nil }
    do throws(ProxyError) { try limiter.admit(owner(record, exchange), record.identity) } catch { return error }
    return nil
  }

  private func sizes(of request: RequestHead) -> PushSizes? {
    guard access.pushLimits.isOn else { return nil }
    var declared: Int?
    if case .length(let count) = request.framing { declared = count }
    return PushSizes(
      access.pushLimits, declared: declared, isPlain: request.fields[.contentEncoding] == nil)
  }

  /// Answers with a capability advertisement that is remembered, or takes the request upstream and remembers the answer.
  private func advertise(_ relay: GitRelay) async throws {
    relay.record.enter(.token, at: relay.exchange.loop.now)
    let remote = try await grants.grant(for: relay.route).remote
    if let body = advertisements.find(remote, at: relay.exchange.loop.now) {
      return try await relay.exchange.respond(
        status: 200,
        fields: Fields([
          (.contentType, relay.route.service.advertisementContentType), (.cacheControl, "no-cache"),
        ]), body: body)
    }
    relay.onWholeAnswer = { [advertisements, loop = relay.exchange.loop] in
      advertisements.keep($0, of: remote, at: loop.now)
    }
    try await relay.run()
  }

  private func tell(
    _ failure: ProxyError, to exchange: ServerExchange, _ route: GitRoute, _ relay: GitRelay
  ) async throws {
    // How a push reads its answer stands in its body, which nobody has looked at when it is refused at once.
    if route.operation == .service, route.service == .receivePack, ErrorReply.isGit(exchange.request) {
      try await relay.readBeginning()
    }
    let push = relay.inspectPush()
    try await ErrorReply(error: failure, requestID: relay.record.id).send(
      on: exchange, route, inSideband: push?.has("side-band-64k") ?? false, isProbe: push?.isProbe ?? false)
  }

  /// Decides by the rules, before anything is looked up: neither the upstream nor what is kept here is asked for somebody who
  /// may not have the answer.
  private func refusal(_ route: GitRoute, _ record: RequestRecord) -> ProxyError? {
    guard access.isOn else { return nil }
    let target = AccessTarget.repo(route.repo)
    let right: Right = route.service == .uploadPack ? .read : .push
    if let refusal = access.refusal(record.identity, right, target) { return refusal }
    record.creationLeave = { [access, identity = record.identity] in access.refusal(identity, .create, target) }
    return nil
  }

  /// What is refused before anybody is asked.
  private func check(_ request: RequestHead, _ route: GitRoute) throws(ProxyError) {
    if BrowserGuard.isCrossSite(request) {
      throw .crossSite
    }
    if health.state.isReadOnly, route.service == .receivePack {
      throw ProxyError(.readOnly, status: 403, "this gateway is read-only: pushes are refused")
    }
    guard route.operation == .service else {
      if request.framing != .none { throw ProxyError(.badRequest, status: 400, "a body on GET") }
      return
    }
    guard request.fields[.contentType] == route.service.requestContentType else {
      throw ProxyError(
        .badRequest, status: 415, "the content type must be \(route.service.requestContentType)")
    }
  }

  /// Adds the next step that only this place knows.
  private func hinted(_ error: ProxyError, _ route: GitRoute, _ exchange: ServerExchange) -> ProxyError {
    guard error.code == .noSuchRepo, configuration.staticToken == nil else { return error }
    let isDefault = route.repo.namespace == configuration.namespace
    let path = isDefault ? "repos" : "namespaces/\(route.repo.namespace)/repos"
    return ProxyError(
      error.code, status: error.status,
      configuration.hasAdminListener
        ? "\(error.text); create it with PUT /api/v1/\(path)/\(route.repo.name) at the admin address"
        : "\(error.text); create it: curl -X PUT \(PublicURL.base(exchange))/api/v1/\(path)/\(route.repo.name)")
  }

  private func nextRequestID() -> RequestID {
    requestNumber = requestNumber &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return RequestID(number: UInt32(truncatingIfNeeded: requestNumber >> 40))
  }
}
