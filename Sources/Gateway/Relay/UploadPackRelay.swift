import EventLoop
import GitProtocol
import HTTPCore
import HTTPTransport
import PackCache

/// Serves a POST to `git-upload-pack` in protocol v2: what several clients ask for together is asked of the upstream once,
/// and packs that were fetched before come from the cache. All else passes through byte for byte. Confined to its loop;
/// used once.
///
/// Whether the client may read the repo has been decided, and the repo has been looked up, before anything is shared.
final class UploadPackRelay {
  /// What the cache had to do with a fetch: a label of metrics and a word of the log.
  enum Outcome: String {
    case hit, joined, miss, bypass
  }

  /// Most bytes of a request that are read before it goes on as it comes.
  private static let heldLimit = 1 << 20
  /// How often a follower whose flight came to nothing looks for another, before he asks on his own.
  private static let attempts = 3

  private let relay: GitRelay
  private let sharing: Sharing
  private let grants: GrantCache
  /// When the client asked for a pack: what the upstream grants for it, it grants after this.
  private var askedAt: UInt64 = 0

  init(_ relay: GitRelay, _ sharing: Sharing, _ grants: GrantCache) {
    self.relay = relay
    self.sharing = sharing
    self.grants = grants
  }

  private var exchange: ServerExchange { relay.exchange }

  /// Answers. Throws as `GitRelay.run` does.
  func run() async throws {
    try await relay.readBeginning(limit: Self.heldLimit)
    guard let command = try readCommand() else { return try await bypass() }
    relay.record.enter(.token, at: exchange.loop.now)
    let remote = try await grants.grant(for: relay.route).remote
    let scope = sharing.scope(relay.route.repo, remote)
    if let question = LsRefsRequest(command) {
      try await askForRefs(RefFlights.Key(repoID: scope.repoID, question: question.canonicalBytes), remote, scope)
      return
    }
    let request = FetchRequest(command)
    if let request { relay.isHeardAtOnce = request.isSidebandAll && !request.isWithoutProgress }
    if let packs = sharing.packs, let request {
      try await fetch(request, remote, scope, packs)
    } else {
      try await bypass()
    }
  }

  /// Reads the request; nil for one that is not understood, which is the upstream's business.
  private func readCommand() throws(ProxyError) -> CommandRequest? {
    let fields = exchange.request.fields
    guard relay.held.isWhole, fields[.gitProtocol] == "version=2",
      let coding = BodyCoding(contentEncoding: fields[.contentEncoding])
    else { return nil }
    do throws(RequestError) { return try CommandRequest(parsing: Array(relay.held.bytes), coding: coding) } catch {
      guard error == .tooLarge else { return nil }
      throw ProxyError(
        .badRequest, status: 413, "the request is too large: more than \(CommandRequest.maxBytes >> 20) MiB of lines")
    }
  }

  private func bypass() async throws {
    if sharing.packs != nil { settle(.bypass, nil) }
    try await relay.run()
  }

  private func settle(_ outcome: Outcome, _ key: PackKey?) {
    relay.record.outcome = outcome
    relay.cacheField = key.map { "\(outcome.rawValue); key=\($0.hex.prefix(16))" } ?? outcome.rawValue
    sharing.packs?.count { statistics in
      switch outcome {
      case .hit: statistics.hits += 1
      case .joined: statistics.joined += 1
      case .miss: statistics.misses += 1
      case .bypass: statistics.bypasses += 1
      }
    }
  }

  // MARK: Refs

  private func askForRefs(_ key: RefFlights.Key, _ remote: Remote, _ scope: PackScope) async throws {
    switch sharing.refs.arrive(key) {
    case .departs(let number):
      relay.question = RefQuestion(
        key, of: remote, scope, sharing, on: exchange.loop, number: number,
        connection: exchange.connection)
      try await relay.run()
    case .waits(let flight, let reader, let isNew):
      if isNew {
        let request = HeldRequest(Array(relay.held.bytes), as: exchange.request, idle: relay.idle)
        dispatch(flight, RefQuestion(key, of: remote, scope, sharing, on: exchange.loop), request)
      }
      let isServed = try await follow(flight.answer, reader) { _ in
        // It was sent after this client had asked.
        if let time = flight.grantedAt { sharing.watch.granted(scope, to: exchange.connection, at: time) }
        return []
      }
      // One that broke off before its first byte is nobody's answer.
      if !isServed { try await relay.run() }
    }
  }

  /// Sees to it that the flight departs in its turn, asks, and brings its answer to whoever waits for it.
  private func dispatch(
    _ flight: RefFlight, _ question: RefQuestion, _ request: HeldRequest, isolation: isolated (any Actor)? = #isolation
  ) {
    let (loop, pool, refs) = (exchange.loop, relay.pool, sharing.refs)
    let call = UpstreamCall(
      request, to: relay.route, pool, grants, on: loop, firstByte: relay.firstByte, metrics: relay.metrics)
    Task {
      _ = isolation
      await withTaskExecutorPreference(loop) {
        let number = await flight.departure(on: loop) { refs.overtake(question.key, with: flight, at: loop.now) }
        flight.answer.close()
        question.depart(as: number)
        await request.bring(call, to: flight, question, pool, on: loop)
      }
    }
  }

  // MARK: Fetches

  private func fetch(
    _ request: FetchRequest, _ remote: Remote, _ scope: PackScope, _ packs: PackCache
  ) async throws {
    let key = PackKey(scope: scope, generation: 0, request: request.canonicalBytes)
    askedAt = MonotonicClock.now
    sharing.watch.expect(request.wants, of: scope)
    for _ in 0..<Self.attempts {
      var arrival = await packs.arrive(key, scope, request)
      if case .hit = arrival, try await !isServable(request, remote, scope) {
        arrival = packs.lead(key, scope, request)
      }
      switch arrival {
      case .hit(let pack): return try await send(pack, request, packs)
      case .leads(let flight): return try await lead(flight, remote, packs)
      case .joined(let flight, let reader):
        // What has begun to come was granted to others, some time ago.
        if flight.answer.hasStarted, try await !isServable(request, remote, scope) { return try await bypass() }
        settle(flight.hasLanded ? .hit : .joined, key)
        if try await join(flight, reader, request, packs) { return }
      }
    }
    try await bypass()
  }

  /// Whether the upstream still grants what a stored pack was wanted by. Asks it when nobody has done so just now.
  private func isServable(_ request: FetchRequest, _ remote: Remote, _ scope: PackScope) async throws -> Bool {
    if sharing.watch.isServable(scope, request.wants, to: exchange.connection, asked: askedAt) { return true }
    var question: [UInt8] = []
    PktLine.append(line: "command=ls-refs", to: &question)
    PktLine.append(line: "agent=git/artifacts-gateway", to: &question)
    PktLine.append(line: "object-format=\(request.objectFormat.rawValue)", to: &question)
    question += PktLine.delimiter
    PktLine.append(line: "peel", to: &question)
    question += PktLine.flush
    let key = RefFlights.Key(repoID: scope.repoID, question: question)
    guard case .waits(let flight, let reader, let isNew) = sharing.refs.arrive(key, isShared: true) else {
      return false
    }
    if isNew {
      dispatch(
        flight, RefQuestion(key, of: remote, scope, sharing, on: exchange.loop),
        HeldRequest(question, as: nil, idle: relay.idle))
    }
    relay.record.enter(.head, at: exchange.loop.now)
    watchClient(reader)
    defer { exchange.onClientGone = nil }
    if case .refused(let error) = await flight.answer.started(for: reader) { throw error }
    let block = exchange.loop.buffers.take()
    defer { exchange.loop.buffers.give(block) }
    while case .bytes = try await reader.read(into: block) {}
    if relay.isClientGone { throw TransportError.peerClosed }
    guard let time = flight.grantedAt else { return false }
    sharing.watch.granted(scope, to: exchange.connection, at: time)
    return sharing.watch.isServable(scope, request.wants, to: exchange.connection, asked: askedAt)
  }

  private func watchClient(_ reader: SpoolReader) {
    exchange.onClientGone = { [unowned relay, reader] in
      relay.isClientGone = true
      reader.cancel()
    }
  }

  private func send(_ pack: StoredPack, _ request: FetchRequest, _ packs: PackCache) async throws {
    settle(.hit, pack.key)
    let age = max(0, Int(WallClock.now - pack.createdAt))
    let text = "artifacts-gateway: from cache, \(ByteCount(pack.packBytes)), \(Self.age(age)) old\n"
    packs.count { $0.savedBytes += pack.packBytes }
    try await relay.send(pack, line: Self.line(text, for: request))
  }

  private func lead(_ flight: PackFlight, _ remote: Remote, _ packs: PackCache) async throws {
    settle(.miss, flight.key)
    let recording = PackRecording(flight, of: remote, packs, on: exchange.loop)
    relay.recording = recording
    defer { recording.leave() }
    recording.onPack = { [sharing, askedAt, connection = exchange.connection] in
      sharing.watch.granted(flight.scope, to: connection, wants: flight.request.wants, at: askedAt)
    }
    relay.watchForReaders(of: recording)
    try await relay.run()
  }

  /// Returns false when nothing came of the flight, and nothing was sent.
  private func join(
    _ flight: PackFlight, _ reader: SpoolReader, _ request: FetchRequest, _ packs: PackCache
  ) async throws -> Bool {
    defer { packs.count { [offset = reader.offset] in $0.savedBytes += offset } }
    return try await follow(flight.answer, reader) { _ in
      let size = ByteCount(flight.spool.count)
      let text = flight.hasLanded ? "from cache, \(size), 0 s old" : "shared with others, \(size) so far"
      return Self.line("artifacts-gateway: \(text)\n", for: request)
    }
  }

  /// Sends the answer that others get, too. Returns false when nothing came of it, and nothing was sent.
  private func follow(_ answer: SharedAnswer, _ reader: SpoolReader, line: (Int) -> [UInt8]) async throws -> Bool {
    relay.record.enter(.head, at: exchange.loop.now)
    watchClient(reader)
    defer { exchange.onClientGone = nil }
    switch await answer.started(for: reader) {
    case .begun(let preludeBytes):
      return try await relay.share(reader, preludeBytes: preludeBytes, line: line(preludeBytes))
    case .refused(let error): throw error
    case .nothing:
      if relay.isClientGone { throw TransportError.peerClosed }
      return false
    }
  }

  // MARK: What is said

  private static func line(_ text: String, for request: FetchRequest) -> [UInt8] {
    var line: [UInt8] = []
    if !request.isWithoutProgress { Sideband.progress.append(Array(text.utf8), to: &line) }
    return line
  }

  private static func age(_ seconds: Int) -> String {
    switch seconds {
    case ..<120: "\(seconds) s"
    case ..<7_200: "\(seconds / 60) min"
    case ..<172_800: "\(seconds / 3_600) h"
    default: "\(seconds / 86_400) days"
    }
  }
}
