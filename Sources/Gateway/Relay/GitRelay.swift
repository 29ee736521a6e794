import ArtifactsAPI
import EventLoop
import GitProtocol
import HTTPCore
import HTTPTransport

/// Takes one git request upstream and its response back, streaming both. Confined to its loop; used once.
///
/// What has been read of the request is held until the upstream has taken it: up to one block. While nothing beyond that has
/// been read, the request can be sent again: once with a fresh token, once on a fresh connection in place of one that had gone
/// stale, and twice more where the upstream is only busy.
final class GitRelay {
  /// How long a push that does not fit into one block waits for a refusal before more of it is read.
  private static let leastVerdict = Duration.milliseconds(100)

  let exchange: ServerExchange
  let route: GitRoute
  let pool: UpstreamPool
  private let grants: GrantCache
  private let held: HeldBody
  private var pump: BodyPump?
  private var pumping: Task<Void, Never>?
  private(set) var isClientGone = false
  /// The upstream connection in use, for ending it when the client goes.
  private var connection: (any UpstreamExchange)?
  /// Times that a request was sent again.
  private(set) var retryCount = 0
  /// When the response's head came, monotonic nanoseconds of the loop.
  private(set) var headAt: UInt64?

  /// Why a response that had begun did not come to its end.
  var cutReason: TransportError?
  let requestID: RequestID
  /// How long the upstream may be silent before its answer.
  let firstByte: Duration

  init(
    _ exchange: ServerExchange, _ route: GitRoute, requestID: RequestID, pool: UpstreamPool, grants: GrantCache,
    firstByte: Duration
  ) {
    self.firstByte = firstByte
    self.requestID = requestID
    self.exchange = exchange
    self.route = route
    self.pool = pool
    self.grants = grants
    held = HeldBody(exchange)
  }

  var idle: Duration { pool.timeouts.idle }
  private var traffic: UpstreamTraffic { route.operation == .service ? .packs : .calls }

  /// Relays to the end. Returns when the response is out.
  ///
  /// - Throws: `ProxyError` while nothing has been sent to the client, who is to be told before `endPump` is called;
  ///   `TransportError` when the client is gone.
  func run() async throws {
    if route.operation == .service { try await held.fill() }
    exchange.onClientGone = { [unowned self] in
      isClientGone = true
      connection?.close()
    }
    defer { exchange.onClientGone = nil }
    do throws(ProxyError) {
      let (head, connection) = try await obtainResponse()
      self.connection = connection
      try await relay(head, from: connection)
      await endPump()
      pool.give(connection)
    } catch {
      connection?.close()
      if isClientGone || pump?.clientFailure != nil {
        await endPump()
        throw pump?.clientFailure ?? .peerClosed
      }
      throw error
    }
  }

  /// Reads the beginning of the body, unless that has been done.
  func readBeginning() async throws(TransportError) {
    if held.bytes.isEmpty, !held.isWhole { try await held.fill() }
  }

  /// What the beginning of a push says, for the form of an error.
  func inspectPush() -> ReceivePackRequest? {
    guard route == GitRoute(repo: route.repo, service: .receivePack, operation: .service),
      let coding = BodyCoding(contentEncoding: exchange.request.fields[.contentEncoding])
    else { return nil }
    return try? ReceivePackRequest.inspect(Array(held.bytes), coding: coding, isWholeBody: held.isWhole).request
  }

  /// When the client begins to read sideband, as far as the request tells.
  var sidebandStart: PktLineTracker.SidebandStart {
    let version = ProtocolVersion(fieldValue: exchange.request.fields[.gitProtocol])
    if route.service == .receivePack { return inspectPush()?.sidebandStart ?? .never }
    if version == .v2 { return .afterPackfileLine }
    guard let coding = BodyCoding(contentEncoding: exchange.request.fields[.contentEncoding]) else { return .never }
    let request = try? UploadPackRequest.inspect(
      Array(held.bytes), version: version, coding: coding, isWholeBody: held.isWhole
    ).request
    return request?.sidebandStart ?? .never
  }

  /// Everything read from the client is still held, so the request can be sent again.
  private var canReplay: Bool { pump == nil }

  // MARK: Attempts

  private func obtainResponse() async throws(ProxyError) -> (
    ResponseHead, any UpstreamExchange
  ) {
    var grant = try await grants.grant(for: route)
    var mayRenew = true
    var backoff = Backoff()
    while true {
      let failure: ProxyError
      let isTransient: Bool
      switch await attempt(grant) {
      case .response(let head, let connection): return (head, connection)
      case .refused(let refusal):
        if refusal.isTokenRefusal, mayRenew, canReplay, let renewed = try await renew(grant) {
          mayRenew = false
          retryCount += 1
          grant = renewed
          continue
        }
        if refusal.status == 404 { await grants.forget(route.repo) }
        failure = refusal.error(route, grant.remote.url.origin)
        isTransient = refusal.isTransient
      case .failed(let error):
        failure = ProxyError(error, talkingTo: grant.remote.url.origin)
        isTransient = error != .timedOut && error != .closed
      }
      guard isTransient, canReplay, !isClientGone, isRepeatable,
        let pause = backoff.next(retryAfter: failure.retryAfter)
      else { throw failure }
      do { try await Task.sleep(for: pause) } catch { throw failure }
      retryCount += 1
    }
  }

  private enum Attempt {
    case response(ResponseHead, any UpstreamExchange)
    case refused(UpstreamRefusal)
    case failed(TransportError)
  }

  /// Sends the request and looks at what comes.
  private func attempt(_ grant: Grant) async -> Attempt {
    do throws(TransportError) {
      let (head, connection) = try await converse(grant)
      if head.status == 200, isExpected(head) { return .response(head, connection) }
      let refusal = await UpstreamRefusal(head, on: connection, exchange.loop, idle: idle)
      pool.give(connection)
      self.connection = nil
      return .refused(refusal)
    } catch {
      connection?.close()
      connection = nil
      return .failed(error)
    }
  }

  /// A push is not sent again on a mere guess: it may have been done.
  private var isRepeatable: Bool { route.operation == .advertisement || route.service == .uploadPack }

  /// A grant with another token, or nil when there is none to be had. Throws when that is because the repo is gone, which
  /// says more than the refusal of its last token.
  private func renew(_ grant: Grant) async throws(ProxyError) -> Grant? {
    do throws(ProxyError) {
      let renewed = try await grants.grant(for: route, refused: grant)
      return renewed.token.secret == grant.token.secret ? nil : renewed
    } catch {
      if error.code == .noSuchRepo { throw error }
      return nil
    }
  }

  private func isExpected(_ head: ResponseHead) -> Bool {
    guard let type = head.fields[.contentType] else { return false }
    return type.hasPrefix(
      route.operation == .advertisement
        ? route.service.advertisementContentType : route.service.resultContentType)
  }

  /// Sends the request once and waits for the response's head; once more when a pooled connection proves to be dead.
  private func converse(_ grant: Grant) async throws(TransportError) -> (
    ResponseHead, any UpstreamExchange
  ) {
    var connection = try await pool.connection(to: grant.remote.url.origin, carrying: traffic)
    while true {
      self.connection = connection
      if isClientGone { connection.close() }
      do throws(TransportError) {
        return (try await send(grant, on: connection), connection)
      } catch {
        connection.close()
        guard connection.isReused, !connection.hasAnswered, canReplay, !isClientGone,
          error == .peerClosed || error.isSystem
        else { throw error }
      }
      retryCount += 1
      connection = try await pool.connect(to: grant.remote.url.origin, carrying: traffic)
    }
  }

  private func send(_ grant: Grant, on connection: any UpstreamExchange)
    async throws(TransportError) -> ResponseHead
  {
    let method: HTTPCore.Method = route.operation == .advertisement ? .get : .post
    let framing: BodyFraming =
      switch route.operation {
      case .advertisement: .none
      case .service where held.isWhole: held.bytes.isEmpty ? .none : .length(held.bytes.count)
      case .service: exchange.request.framing
      }
    connection.send(method, grant.target(route.operation), framing) { writer in
      writer.append(.host, grant.authority)
      writer.append(.authorization, grant.authorization)
      ForwardedFields.append(of: exchange.request, to: &writer)
    }
    if framing == .none {
      try await connection.flush(idle: idle)
    } else {
      let list = GatherList()
      list.append(held.bytes)
      try await connection.writeBody(list, isLast: held.isWhole, idle: idle)
      if !held.isWhole { try await streamRest(to: connection) }
    }
    let head = try await connection.receiveHead(to: method, firstByte: firstByte, rest: pool.timeouts.head)
    headAt = exchange.loop.now
    return head
  }

  /// Sends what is not held, after a moment in which the upstream may refuse what it has got: until then the request can be
  /// sent again.
  private func streamRest(to connection: any UpstreamExchange) async throws(TransportError) {
    if try await connection.responseBegins(within: Self.leastVerdict) { return }
    let pump = BodyPump(exchange, connection, idle: idle)
    self.pump = pump
    start(pump)
    // The wait for the response begins anew with every byte of the request that moves.
    let limit = firstByte.nanoseconds
    while try await !connection.responseBegins(within: min(firstByte, .seconds(10))) {
      if let error = pump.clientFailure { throw error }
      if exchange.loop.now - pump.lastProgress > limit { throw .timedOut }
      if let error = pump.upstreamFailure { throw error }
    }
  }

  /// Lets the copying run beside this task, on the same actor.
  private func start(_ pump: BodyPump, isolation: isolated (any Actor)? = #isolation) {
    let rest = held.rest
    let loop = exchange.loop
    pumping = Task {
      _ = isolation
      await withTaskExecutorPreference(loop) { await pump.run(first: rest) }
    }
  }

  /// Ends the copying of the request, which nobody reads any more if it is still under way. After a failure this comes
  /// behind the reply: the client may be waiting for that before it sends another byte.
  func endPump() async {
    guard let pump else { return }
    if !pump.isDone { connection?.close() }
    await pumping?.value
  }
}

extension TransportError {
  fileprivate var isSystem: Bool {
    if case .system = self { return true }
    return false
  }
}
