import ArtifactsAPI
import EventLoop
import GitProtocol
import HTTPCore
import HTTPTransport

/// The gateway on one loop: routes each request and sees it through to its log line. Confined to its loop.
final class GatewayHandler: RequestHandler {
  let configuration: GatewayConfiguration
  private let router: Router
  let pool: UpstreamPool
  let grants: GrantCache
  let sharing: Sharing
  let advertisements: AdvertisementCache
  let transfers: TransferGate
  private let admin: AdminAPI
  let health: HealthEndpoints
  private let page: StatusPage
  let running: RunningTransfers
  private let entry: EntryRules
  /// Nil when nobody is asked who he is.
  private let authenticator: Authenticator?
  let access: Access
  /// Nil when there is no API that knows the repos.
  let client: ArtifactsClient?
  let metrics: LoopMetrics
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
        failure = access.refusal(record, .admin, .gateway)
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
    if let audit = configuration.audit {
      for event in AuditEvent.all(of: exchange, record, isKilled: health.state.isCutting) { audit.write(event) }
    }
  }

  /// Why somebody is refused who has asked for too much already.
  private func overuse(_ exchange: ServerExchange, _ record: RequestRecord) -> ProxyError? {
    guard let limiter = access.limiter, record.service != .ops else { return nil }
    do throws(ProxyError) { try limiter.admit(owner(record, exchange), record.identity) } catch { return error }
    return nil
  }

  private func nextRequestID() -> RequestID {
    requestNumber = requestNumber &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return RequestID(number: UInt32(truncatingIfNeeded: requestNumber >> 40))
  }
}
