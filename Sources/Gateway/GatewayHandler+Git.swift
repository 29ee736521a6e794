import EventLoop
import GitProtocol
import HTTPCore
import HTTPTransport

/// The way of a git request, from what is refused at once to the relay and back.
extension GatewayHandler {
  func git(
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
          let guarding = PushGuard(relay: relay, rules: rules, access: access, client: client)
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
    if let failure = record.failure, relay.hasSpoken { try await relay.end(failure) }
    await relay.endPump()
  }

  /// Whom a transfer is counted for: the one who showed who he is, or else his machine or network.
  func owner(_ record: RequestRecord, _ exchange: ServerExchange) -> String {
    record.identity.source == .anonymous ? exchange.peer.client.host : record.identity.description
  }

  private func sizes(of request: RequestHead) -> PushSizes? {
    guard access.pushLimits.isOn else { return nil }
    var declared: Int?
    if case .length(let count) = request.framing { declared = count }
    return Self.coding(of: request).map { PushSizes(access.pushLimits, declared: declared, coding: $0) }
  }

  /// How a body is coded; nil for what is not read here.
  private static func coding(of request: RequestHead) -> BodyCoding? {
    guard request.fields.count(of: .contentEncoding) <= 1 else { return nil }
    return BodyCoding(contentEncoding: request.fields[.contentEncoding])
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
  func refusal(_ route: GitRoute, _ record: RequestRecord) -> ProxyError? {
    guard access.isOn else { return nil }
    let target = AccessTarget.repo(route.repo)
    let right: Right = route.service == .uploadPack ? .read : .push
    if let refusal = access.refusal(record, right, target) { return refusal }
    record.creationLeave = { [access, unowned record] in access.refusal(record, .create, target) }
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
    // Servers, git's own among them, take a body under another name for plain: it would be read otherwise here.
    guard Self.coding(of: request) != nil else {
      throw ProxyError(.badRequest, status: 415, "the content coding must be gzip or identity")
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
}
