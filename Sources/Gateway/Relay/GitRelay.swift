import EventLoop
import GitProtocol
import HTTPCore
import HTTPTransport

/// Takes one git request upstream and its response back, streaming both. Confined to its loop; used once.
///
/// What has been read of the request is held until the upstream has taken it. While nothing beyond that has been read, the
/// request can be sent again.
final class GitRelay: UpstreamRequest {
  /// How long a push that does not fit into one block waits for a refusal before more of it is read.
  private static let leastVerdict = Duration.milliseconds(100)
  private static let discardLimit = 1 << 30

  let exchange: ServerExchange
  let route: GitRoute
  let pool: UpstreamPool
  let held: HeldBody
  private var pump: BodyPump?
  private var pumping: Task<Void, Never>?
  var isClientGone = false
  private(set) lazy var call = UpstreamCall(
    self, to: route, pool, grants, on: exchange.loop, firstByte: firstByte, metrics: metrics, record: record)
  private let grants: GrantCache

  /// Records the answer for others who want it, too.
  var recording: PackRecording?
  /// What the pieces on their way to the client lie in, when the upstream's connection is not this relay's any more.
  var memory: LentMemory?
  /// The next piece of the answer is waited for: nobody else may read the connection.
  var awaitsPiece = false
  /// The question for refs whose answer this is.
  var question: RefQuestion?
  /// Told of an answer that has come in one piece.
  var onWholeAnswer: ((GatherList) -> Void)?
  /// What the pack cache had to do with it: the value of `X-Artifacts-Gateway-Cache`.
  var cacheField: String?

  /// What the push may bring at most; nil for as much as it likes.
  var sizes: PushSizes?

  /// The client reads the answer as sideband from its beginning, and wants to hear how it goes.
  var isHeardAtOnce = false
  /// It has been told something before there was an answer.
  private(set) var hasSpoken = false

  /// What happens to the request, for its line in the log.
  let record: RequestRecord
  let metrics: LoopMetrics
  /// Where it stands in the list of those that run, which keeps this.
  var place = 0
  /// How long the upstream may be silent before its answer.
  let firstByte: Duration

  init(
    _ exchange: ServerExchange, _ route: GitRoute, _ record: RequestRecord, pool: UpstreamPool, grants: GrantCache,
    metrics: LoopMetrics, firstByte: Duration
  ) {
    self.firstByte = firstByte
    self.record = record
    self.metrics = metrics
    self.exchange = exchange
    self.route = route
    self.pool = pool
    self.grants = grants
    held = HeldBody(exchange)
  }

  var idle: Duration { pool.timeouts.idle }

  /// Relays to the end. Returns when the response is out.
  ///
  /// - Throws: `ProxyError` while nothing has been sent to the client, who is to be told before `endPump` is called;
  ///   `TransportError` when the client is gone.
  func run() async throws {
    if route.operation == .service { try await readBeginning() }
    if let sizes {
      sizes.follow(held.bytes)
      if sizes.isRefused { throw try await refuseForSize(sizes) }
    }
    exchange.onClientGone = { [unowned self] in
      isClientGone = true
      if isAbandoned { call.cancel() }
    }
    defer { exchange.onClientGone = nil }
    do throws(ProxyError) {
      let (head, connection) = try await call.response()
      try await relay(head, from: connection)
      await endPump()
      if recording?.hasHandedOver != true { pool.give(connection) }
    } catch {
      recording?.fail(error)
      question?.end()
      call.cancel()
      if isClientGone || pump?.clientFailure != nil {
        await endPump()
        throw pump?.clientFailure ?? .peerClosed
      }
      if let sizes, sizes.isRefused {
        await endPump()
        throw try await refuseForSize(sizes)
      }
      throw error
    }
  }

  /// Reads the beginning of the body, as far as that has not been done.
  func readBeginning(limit: Int = BufferPool.blockBytes) async throws(TransportError) {
    if held.bytes.count < limit, !held.isWhole { try await held.fill(limit: limit) }
  }

  /// What the beginning of a push says, for the form of an error.
  func inspectPush() -> ReceivePackRequest? {
    guard route == GitRoute(repo: route.repo, service: .receivePack, operation: .service),
      let coding = BodyCoding(contentEncoding: exchange.request.fields[.contentEncoding])
    else { return nil }
    let found = try? ReceivePackRequest.inspect(Array(held.bytes), coding: coding, isWholeBody: held.isWhole)
    if record.isAudited, record.push == nil, let found { record.push = PushRecord(found) }
    return found?.request
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

  /// Reads the rest of a push that is refused, which may still tell the name of what is too large.
  private func refuseForSize(_ sizes: PushSizes) async throws(TransportError) -> ProxyError {
    if pump == nil { held.rest?.forEach { sizes.follow($0) } }
    try await discardBody { sizes.follow($0) }
    return sizes.refusal ?? ProxyError(.tooLarge, status: 413, "this push is too large")
  }

  /// Reads what the client still sends of a push that is refused: git reads no answer before it has sent its pack. No repo may
  /// be larger than what is read at most.
  func discardBody(_ look: (UnsafeRawBufferPointer) -> Void = { _ in }) async throws(TransportError) {
    let list = GatherList()
    var turn = FairTurn(exchange.loop)
    while !exchange.isBodyRead, exchange.bodyBytesRead < Self.discardLimit {
      guard try await exchange.readBody(into: list) else { break }
      await turn.took(list.byteCount)
      list.forEach(look)
      list.removeAll()
    }
    if !exchange.isBodyRead { exchange.closesConnection = true }
  }

  // MARK: The request

  /// Everything read from the client is still held.
  var canReplay: Bool { pump == nil }

  var isAbandoned: Bool { isClientGone && recording?.isShared != true }

  var framing: BodyFraming {
    switch route.operation {
    case .advertisement: .none
    case .service where held.isWhole: held.bytes.isEmpty ? .none : .length(held.bytes.count)
    case .service: exchange.request.framing
    }
  }

  func pauses(for pause: Duration) async {
    guard isHeardAtOnce, pause >= .seconds(1), !isClientGone else { return }
    if !exchange.hasStarted { startShared(length: nil) }
    hasSpoken = true
    let line = "artifacts-gateway: the service asks for a rest of \(pause.components.seconds) s\n"
    var packet: [UInt8] = []
    Sideband.progress.append(Array(line.utf8), to: &packet)
    // A client that is gone is found out by whoever waits for the answer.
    try? await exchange.write(packet)
  }

  /// Ends an answer in which nothing came of what was said so far.
  func end(_ failure: ProxyError) async throws(TransportError) {
    try await exchange.write(GitError.bandThree(ErrorReply(error: failure, requestID: record.id).text))
    try await exchange.finish()
  }

  func writeFields(to writer: inout HeadWriter) { ForwardedFields.append(of: exchange.request, to: &writer) }

  func sendBody(on connection: any UpstreamExchange) async throws(TransportError) {
    let list = GatherList()
    list.append(held.bytes)
    try await connection.writeBody(list, isLast: held.isWhole, idle: idle)
    if !held.isWhole { try await streamRest(to: connection) }
  }

  /// Sends what is not held, after a moment in which the upstream may refuse what it has got: until then the request can be
  /// sent again.
  private func streamRest(to connection: any UpstreamExchange) async throws(TransportError) {
    if try await connection.responseBegins(within: Self.leastVerdict) { return }
    let pump = BodyPump(exchange, connection, idle: idle, sizes: sizes)
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
    if !pump.isDone { call.cancel() }
    await pumping?.value
  }
}
