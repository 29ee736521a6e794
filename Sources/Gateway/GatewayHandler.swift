import EventLoop
import GitProtocol
import HTTPCore
import HTTPTransport
import Logging

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
  private let entry: EntryRules
  private let log: Logger
  private var requestNumber = UInt64.random(in: 0...UInt64.max)
  /// Routes of targets that were seen: most requests of a fleet name the same few. Git routes only.
  private var routes: [String: GitRoute] = [:]
  private static let routeLimit = 1024

  init(
    _ configuration: GatewayConfiguration, pool: UpstreamPool, grants: GrantCache, sharing: Sharing,
    transfers: TransferGate, admin: AdminAPI, health: HealthEndpoints, hosts: HostList, log: Logger
  ) {
    self.configuration = configuration
    self.pool = pool
    self.grants = grants
    self.sharing = sharing
    advertisements = AdvertisementCache(lifetime: configuration.advertisementLife)
    self.transfers = transfers
    self.admin = admin
    self.health = health
    entry = EntryRules(hosts)
    self.log = log
    router = Router(defaultNamespace: configuration.namespace)
  }

  func handle(_ exchange: ServerExchange) async throws {
    let request = exchange.request
    let activity = configuration.activity.flatMap { ActivityMeter.counts(request.path) ? $0 : nil }
    activity?.begin()
    defer { activity?.end() }
    if let refusal = entry.refusal(of: request, from: exchange.peer) {
      return try await refuse(atEntry: exchange, refusal)
    }
    let isAdmin = exchange.listener.tag == ListenerConfiguration.adminTag
    if !isAdmin, let route = routes[request.target], request.method == (route.operation == .service ? .post : .get) {
      return try await git(exchange, route, requestID: nextRequestID())
    }
    switch router.route(request.method, request.path, query: request.query) {
    case .git where isAdmin:
      try await refuse(exchange, ProxyError(.notFound, status: 404, "git is served on another address"))
    case .admin where configuration.hasAdminListener && !isAdmin,
      .status where configuration.hasAdminListener && !isAdmin:
      try await refuse(exchange, ProxyError(.notFound, status: 404, "the admin API is served on another address"))
    case .git(let route):
      if routes.count >= Self.routeLimit { routes.removeAll(keepingCapacity: true) }
      routes[request.target] = route
      try await git(exchange, route, requestID: nextRequestID())
    case .livez: try await health.live(exchange)
    case .readyz: try await health.ready(exchange)
    case .control(let operation):
      let control = ControlEndpoints(actions: configuration.controls)
      var failure = control.refusal(on: exchange.listener)
      if failure == nil { failure = try await control.perform(operation, on: exchange) }
      if let failure { try await refuse(exchange, failure) }
    case .admin(let path): try await admin.handle(exchange, path, requestID: nextRequestID().description)
    case .status: try await StatusPage(configuration: configuration, state: health.state).send(on: exchange)
    case .refused(let status, let allow, let text):
      let codes: [Int: ProxyError.Code] = [403: .forbidden, 404: .notFound, 405: .wrongMethod]
      try await refuse(exchange, ProxyError(codes[status] ?? .badRequest, status: status, text), allow: allow)
    }
  }

  private func refuse(_ exchange: ServerExchange, _ error: ProxyError, allow: String? = nil) async throws {
    if error.isEndOfConnection { exchange.closesConnection = true }
    try await ErrorReply(error: error, requestID: nextRequestID()).sendStatus(on: exchange, allow: allow)
  }

  /// Answers what the entry rules refuse, in the form of the route that was asked for.
  private func refuse(atEntry exchange: ServerExchange, _ refusal: ProxyError) async throws {
    let request = exchange.request
    switch router.route(request.method, request.path, query: request.query) {
    case .git(let route): try await git(exchange, route, requestID: nextRequestID(), refusal: refusal)
    case .admin:
      var problem = Problem(refusal.status, refusal.text)
      if refusal.code != .forbidden { problem.name = refusal.code.rawValue.uppercased() }
      try await problem.send(on: exchange, requestID: nextRequestID().description)
    case .livez, .readyz, .status, .control, .refused: try await refuse(exchange, refusal)
    }
  }

  func fields(ofRefusal status: Int, _ reason: String) -> Fields {
    let requestID = nextRequestID()
    log.debug("refused", metadata: ["request": "\(requestID)", "status": "\(status)", "reason": "\(reason)"])
    let word = Status.phrase(status).description.lowercased().map { $0 == " " ? "_" : String($0) }.joined()
    return Fields([("x-artifacts-gateway-error", word), ("x-request-id", requestID.description)])
  }

  private func git(
    _ exchange: ServerExchange, _ route: GitRoute, requestID: RequestID, refusal: ProxyError? = nil
  ) async throws {
    let relay = GitRelay(
      exchange, route, requestID: requestID, pool: pool, grants: grants,
      firstByte: route.operation == .service ? configuration.packFirstByte : configuration.refsFirstByte)
    var failure: ProxyError?
    var outcome: UploadPackRelay.Outcome?
    do {
      if let refusal { throw refusal }
      try check(exchange.request, route)
      if route.operation == .service {
        try await transfers.enter(on: exchange.loop)
        defer { transfers.leave() }
        if route.service == .uploadPack {
          let fetch = UploadPackRelay(relay, sharing, grants)
          defer { outcome = fetch.outcome }
          try await fetch.run()
        } else {
          try await relay.run()
        }
      } else if advertisements.isEnabled, AdvertisementCache.holds(exchange.request, route) {
        try await advertise(relay)
      } else {
        try await relay.run()
      }
    } catch let error as ProxyError {
      failure = hinted(error, route, exchange)
      if error.isEndOfConnection { exchange.closesConnection = true }
    }
    if let failure, !exchange.hasStarted {
      do { try await tell(failure, to: exchange, route, relay, requestID) } catch {
        await relay.endPump()
        throw error
      }
    }
    await relay.endPump()
    write(exchange, route, relay, failure, requestID, outcome)
  }

  /// Answers with a capability advertisement that is remembered, or takes the request upstream and remembers the answer.
  private func advertise(_ relay: GitRelay) async throws {
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
    _ failure: ProxyError, to exchange: ServerExchange, _ route: GitRoute, _ relay: GitRelay, _ requestID: RequestID
  ) async throws {
    // How a push reads its answer stands in its body, which nobody has looked at when it is refused at once.
    if route.operation == .service, route.service == .receivePack, ErrorReply.isGit(exchange.request) {
      try await relay.readBeginning()
    }
    let push = relay.inspectPush()
    try await ErrorReply(error: failure, requestID: requestID).send(
      on: exchange, route, inSideband: push?.has("side-band-64k") ?? false, isProbe: push?.isProbe ?? false)
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

  private func write(
    _ exchange: ServerExchange, _ route: GitRoute, _ relay: GitRelay, _ failure: ProxyError?, _ requestID: RequestID,
    _ outcome: UploadPackRelay.Outcome?
  ) {
    let level: Logger.Level = failure == nil && relay.cutReason == nil ? .info : .warning
    guard log.logLevel <= level else { return }
    let pack = route.service == .uploadPack ? "upload-pack" : "receive-pack"
    let service = route.operation == .advertisement ? "refs" : pack
    let elapsed = Int((exchange.loop.now - exchange.startedAt) / 1_000_000)
    var metadata: Logger.Metadata = [
      "request": "\(requestID)", "repo": "\(route.repo)", "client": "\(exchange.peer)", "service": "\(service)",
      "status": .stringConvertible(exchange.status ?? 0), "bytes_in": .stringConvertible(exchange.bodyBytesRead),
      "bytes_out": .stringConvertible(exchange.bytesWritten), "ms": .stringConvertible(elapsed),
    ]
    if let headAt = relay.call.headAt {
      metadata["head_ms"] = .stringConvertible(Int((headAt - exchange.startedAt) / 1_000_000))
    }
    if relay.call.retryCount > 0 { metadata["retries"] = .stringConvertible(relay.call.retryCount) }
    if let outcome { metadata["cache"] = "\(outcome.rawValue)" }
    if let failure {
      metadata["error"] = "\(failure.code.rawValue)"
      metadata["reason"] = "\(failure.text)"
    } else if let reason = relay.cutReason {
      metadata["error"] = "\(ProxyError.Code.cut.rawValue)"
      metadata["reason"] = "\(reason)"
    }
    log.log(level: level, "git", metadata: metadata)
  }

  private func nextRequestID() -> RequestID {
    requestNumber = requestNumber &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return RequestID(number: UInt32(truncatingIfNeeded: requestNumber >> 40))
  }
}

/// What names one request in the log and to its client: six hexadecimal digits, written out only where they are wanted.
struct RequestID: CustomStringConvertible {
  let number: UInt32

  var description: String {
    let digits = String(number & 0xff_ffff, radix: 16)
    return String(repeating: "0", count: 6 - digits.count) + digits
  }
}
