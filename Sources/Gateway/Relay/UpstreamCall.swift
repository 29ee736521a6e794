import ArtifactsAPI
import EventLoop
import GitProtocol
import HTTPCore
import HTTPTransport

/// What an `UpstreamCall` sends, as often as that takes. Confined to its loop.
protocol UpstreamRequest: AnyObject {
  /// Nothing of it has been given away yet that could not be sent again.
  var canReplay: Bool { get }
  /// Nobody waits for the answer any more.
  var isAbandoned: Bool { get }
  /// How the body is framed; `.none` without one.
  var framing: BodyFraming { get }
  /// Writes the fields beside `Host` and `Authorization`.
  func writeFields(to writer: inout HeadWriter)
  /// It will be sent again, after a pause.
  func pauses(for pause: Duration) async
  /// Sends the body, if there is one.
  func sendBody(on connection: any UpstreamExchange) async throws(TransportError)
}

extension UpstreamRequest {
  func pauses(for pause: Duration) async {}
}

/// One git request to a repo's remote, up to the head of a good answer. Confined to its loop; used once.
///
/// Sends the request again while it can be replayed: once with a fresh token, once on a fresh connection in place of one
/// that had gone stale, and twice more where the upstream is only busy.
final class UpstreamCall {
  private let route: GitRoute
  private let pool: UpstreamPool
  private let grants: GrantCache
  private let loop: Loop
  /// How long the upstream may be silent before its answer.
  private let firstByte: Duration
  private unowned let request: any UpstreamRequest
  private let metrics: LoopMetrics
  /// Of the client's request for which the call is made; nil when it is made for several.
  private let record: RequestRecord?
  /// The connection in use.
  private(set) var connection: (any UpstreamExchange)?
  private var resting: CheckedContinuation<Void, Never>?
  /// Who gave the answer. A repo that was made anew under an old name is another one.
  private(set) var remote: Remote?

  /// - Parameter request: must outlive the call.
  init(
    _ request: any UpstreamRequest, to route: GitRoute, _ pool: UpstreamPool, _ grants: GrantCache, on loop: Loop,
    firstByte: Duration, metrics: LoopMetrics, record: RequestRecord? = nil
  ) {
    self.request = request
    self.route = route
    self.pool = pool
    self.grants = grants
    self.loop = loop
    self.firstByte = firstByte
    self.metrics = metrics
    self.record = record
  }

  var idle: Duration { pool.timeouts.idle }
  private var traffic: UpstreamTraffic { route.operation == .service ? .packs : .calls }

  /// Breaks the call off. Whoever waits for it, or reads its answer, gets an error.
  func cancel() {
    connection?.close()
    wake()
  }

  /// The answer that was asked for: status 200 and the content type of the service. Its body is read from the connection,
  /// which then goes back to the pool.
  func response() async throws(ProxyError) -> (ResponseHead, any UpstreamExchange) {
    record?.enter(.token, at: loop.now)
    var grant = try await grants.grant(for: route, telling: record)
    var mayRenew = true
    var backoff = Backoff()
    while true {
      let failure: ProxyError
      let isTransient: Bool
      try await waitForTurn()
      switch await attempt(grant) {
      case .response(let head, let connection):
        remote = grant.remote
        return (head, connection)
      case .refused(let refusal):
        if refusal.isTokenRefusal, mayRenew, request.canReplay, let renewed = try await renew(grant) {
          mayRenew = false
          retries(.token)
          grant = renewed
          continue
        }
        if refusal.status == 404 { await grants.forget(route.repo) }
        failure = refusal.error(route, grant.remote.url.origin)
        isTransient = refusal.isTransient
        if refusal.status == 429, let rest = refusal.retryAfter { grants.courtesy.git.hold(for: rest) }
      case .failed(let error):
        failure = ProxyError(error, talkingTo: grant.remote.url.origin)
        isTransient = error != .timedOut && error != .closed
      }
      guard isTransient, request.canReplay, !request.isAbandoned, isRepeatable,
        let pause = backoff.next(retryAfter: failure.retryAfter)
      else { throw failure }
      await request.pauses(for: pause)
      await rest(for: pause)
      if request.isAbandoned { throw failure }
      retries(.transient)
    }
  }

  // MARK: Pauses

  /// Waits until the upstream may be asked once more. Who is gone by then has taken nobody's place.
  private func waitForTurn() async throws(ProxyError) {
    let budget = grants.courtesy.git
    let busy = ProxyError(
      .rateLimited, status: 429,
      "busy: more requests wait for the service than it takes in 10 s; retry in 10 s", retryAfter: .seconds(10))
    guard !request.isAbandoned, let wait = budget.take() else { throw busy }
    guard wait > 0 else { return }
    await rest(for: .nanoseconds(wait))
    guard request.isAbandoned else { return }
    budget.giveBack()
    throw busy
  }

  /// Does nothing for so long, or until the call is cancelled.
  private func rest(for pause: Duration) async {
    let deadline = Deadline(on: loop) { [unowned self] in wake() }
    await withCheckedContinuation { continuation in
      // Getting here may have taken a moment.
      if request.isAbandoned { return continuation.resume() }
      resting = continuation
      deadline.set(after: pause)
    }
    deadline.clear()
  }

  private func wake() {
    resting?.resume()
    resting = nil
  }

  private func retries(_ reason: RetryReason) {
    metrics.shared.retries.increment(reason)
    record?.retryCount += 1
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
      let refusal = await UpstreamRefusal(head, on: connection, loop, idle: idle)
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
    record?.enter(.token, at: loop.now)
    do throws(ProxyError) {
      let renewed = try await grants.grant(for: route, refused: grant, telling: record)
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
  private func converse(_ grant: Grant) async throws(TransportError) -> (ResponseHead, any UpstreamExchange) {
    record?.enter(.connect, at: loop.now)
    var connection = try await pool.connection(to: grant.remote.url.origin, carrying: traffic)
    while true {
      record?.enter(.head, at: loop.now)
      record?.connected(connection.setup)
      self.connection = connection
      if request.isAbandoned { connection.close() }
      do throws(TransportError) {
        let head = try await send(grant, on: connection)
        metrics.git.increment(head.status)
        return (head, connection)
      } catch {
        metrics.git.increment(nil)
        connection.close()
        guard connection.isReused, !connection.hasAnswered, request.canReplay, !request.isAbandoned,
          error == .peerClosed || error.isSystem
        else { throw error }
      }
      retries(.stale)
      record?.enter(.connect, at: loop.now)
      connection = try await pool.connect(to: grant.remote.url.origin, carrying: traffic)
    }
  }

  private func send(_ grant: Grant, on connection: any UpstreamExchange) async throws(TransportError) -> ResponseHead {
    let method: HTTPCore.Method = route.operation == .advertisement ? .get : .post
    let framing = request.framing
    connection.send(method, grant.target(route.operation), framing) { writer in
      writer.append(.host, grant.authority)
      writer.append(.authorization, grant.authorization)
      request.writeFields(to: &writer)
    }
    if framing == .none {
      try await connection.flush(idle: idle)
    } else {
      try await request.sendBody(on: connection)
    }
    return try await connection.receiveHead(to: method, firstByte: firstByte, rest: pool.timeouts.head)
  }
}

extension TransportError {
  fileprivate var isSystem: Bool {
    if case .system = self { return true }
    return false
  }
}
