import EventLoop
import HTTPCore

/// An HTTP/2 connection in either role: a session on a transport, and the streams on it.
///
/// One task reads, in `run`. Whoever has something to send calls `pump`, which writes as much as the socket takes; only
/// when that is not all does a task wait for the rest. Confined to its loop.
final class HTTP2Connection {
  /// How much is read before the other connections of the loop have their turn, in blocks.
  private static let readsPerTurn = 16
  /// From here on a block that was read goes to its stream as it is, instead of being copied: so a stream never holds more
  /// than twice what is in it.
  private static let handoverBytes = BufferPool.blockBytes / 2
  /// How long a peer that was sent off may go on sending before the connection is closed under it.
  private static let farewell = Duration.seconds(1)

  let transport: Transport
  let session: HTTP2Session
  let idle: Duration
  private(set) var streams: [Int32: HTTP2Stream] = [:]
  /// Why the connection is closed; nil while it is open.
  private(set) var failure: TransportError?
  /// The peer takes no new streams.
  private(set) var wasSentAway = false

  /// Told of each request, on the server's side. The error of a head that is not served is its answer.
  var onRequest: ((HTTP2Stream, Result<RequestHead, HTTPParseError>) -> Void)?
  /// Told when bytes came, when streams ended, and when the connection did.
  var onChange: (() -> Void)?

  private let pool: BufferPool
  private var spareEvents: [HTTP2Event] = []
  private let gather = GatherList()
  /// Where frame heads are written; held while something waits to be sent.
  private var staging: UnsafeMutableRawBufferPointer?
  /// Streams of which something is in `gather`.
  private var batch: [HTTP2Stream] = []
  private var isPumping = false
  private var isWaitingToWrite = false
  private var closesWhenOut = false
  private var backlogWaiter: UnsafeContinuation<Void, Never>?

  init(_ transport: Transport, _ configuration: HTTP2Configuration, idle: Duration) throws(HTTP2Error) {
    self.transport = transport
    self.idle = idle
    session = try HTTP2Session(configuration)
    pool = transport.loop.buffers
  }

  deinit { if let staging { pool.give(staging) } }

  var loop: Loop { transport.loop }
  var isOpen: Bool { failure == nil }

  func add(_ stream: HTTP2Stream) { streams[stream.id] = stream }

  // MARK: Reading

  /// Reads until the connection ends, and closes it.
  func run() async {
    pump()
    do throws(TransportError) {
      while isOpen, session.isLive { try await readTurn() }
      guard isOpen else { return }
      await linger()
      fail(.closed)
    } catch {
      fail(error)
    }
  }

  private func readTurn() async throws(TransportError) {
    for _ in 0..<Self.readsPerTurn {
      guard isOpen, session.isLive else { return }
      let block = pool.take()
      let result: IOResult
      do throws(TransportError) { result = try transport.read(into: block) } catch {
        pool.give(block)
        throw error
      }
      switch result {
      case .bytes(let count):
        try receive(block, count)
        pump()
        if session.isBacklogged, isWaitingToWrite { await waitForBacklog() }
      case .endOfStream:
        pool.give(block)
        throw .peerClosed
      case .wouldBlock:
        pool.give(block)
        // How long silence is fine is for streams and owners to judge.
        try await transport.waitUntilReadable(for: .seconds(1 << 30))
        return
      }
    }
    await loop.yield()
  }

  /// Takes in bytes, at most a block of them, that came before it was known whose they are.
  func receive(_ bytes: [UInt8]) throws(TransportError) {
    let block = pool.take()
    block.copyBytes(from: bytes)
    try receive(block, bytes.count)
  }

  /// - Parameter block: of the pool; goes to a stream or back.
  private func receive(_ block: UnsafeMutableRawBufferPointer, _ count: Int) throws(TransportError) {
    var failure: HTTP2Error?
    do throws(HTTP2Error) { try session.receive(UnsafeRawBufferPointer(rebasing: block[..<count])) } catch {
      failure = error
    }
    if !handleEvents(block) { pool.give(block) }
    if let failure { throw TransportError(failure) }
    onChange?()
  }

  /// Does what the session's events ask for.
  /// - Parameter block: the memory that data events point into.
  /// - Returns: whether a stream has taken the block over.
  private func handleEvents(_ block: UnsafeMutableRawBufferPointer?) -> Bool {
    guard !session.events.isEmpty else { return false }
    var events = spareEvents
    spareEvents = []
    swap(&events, &session.events)
    let taker = block == nil ? nil : taker(of: events)
    for event in events { handle(event, taker) }
    var isTaken = false
    if let taker, let block { isTaken = taker.adopt(block) }
    events.removeAll(keepingCapacity: true)
    spareEvents = events
    return isTaken
  }

  /// The one stream that all the data is for, if that is most of a block.
  private func taker(of events: [HTTP2Event]) -> HTTP2Stream? {
    var only: Int32?
    var count = 0
    for case .data(let stream, let bytes) in events {
      if let only, only != stream { return nil }
      only = stream
      count += bytes.count
    }
    guard count >= Self.handoverBytes, let stream = only.flatMap({ streams[$0] }), !stream.isAbandoned else {
      return nil
    }
    return stream
  }

  private func handle(_ event: HTTP2Event, _ taker: HTTP2Stream?) {
    switch event {
    case .request(let number, let head, let isEnded):
      let stream = HTTP2Stream(number, on: self, framing: head.framing, isEnded: isEnded)
      streams[number] = stream
      onRequest?(stream, .success(head))
    case .refused(let number, let error):
      let stream = HTTP2Stream(number, on: self)
      streams[number] = stream
      onRequest?(stream, .failure(error))
    case .response(let number, let head, let isEnded): streams[number]?.headCame(head, isEnded: isEnded)
    case .data(let number, let bytes):
      guard let stream = streams[number] else { return session.drop(bytes.count) }
      stream.dataCame(bytes, copying: stream !== taker)
    case .ended(let number): streams[number]?.peerEnded()
    case .malformed(let number, let error): streams[number]?.fail(.malformed(error))
    case .closed(let number, let code, let byPeer):
      guard let stream = streams.removeValue(forKey: number) else { return }
      stream.closed(code, byPeer: byPeer)
      onChange?()
    case .goAway: wasSentAway = true
    }
  }

  private func waitForBacklog() async {
    await withUnsafeContinuation { waiter in
      guard isOpen, session.isBacklogged, isWaitingToWrite else { return waiter.resume() }
      backlogWaiter = waiter
    }
  }

  private func resumeBacklog() {
    let waiter = backlogWaiter
    backlogWaiter = nil
    waiter?.resume()
  }

  // MARK: Writing

  /// Writes what there is to write, as far as the socket takes it.
  func pump() {
    guard !isPumping, !isWaitingToWrite, isOpen else { return }
    guard session.wantsToSend || !gather.isEmpty else { return }
    isPumping = true
    defer { isPumping = false }
    do throws(TransportError) {
      while isOpen {
        if gather.isEmpty {
          finishBatch()
          try fill()
          if gather.isEmpty { break }
        }
        switch try transport.write(gathering: gather) {
        case .bytes: break
        case .wouldBlock, .endOfStream: return waitToWrite()
        }
      }
    } catch {
      fail(error)
    }
    if let staging {
      pool.give(staging)
      self.staging = nil
    }
    resumeBacklog()
    if closesWhenOut { fail(.closed) }
  }

  private func fill() throws(TransportError) {
    let block = staging ?? pool.take()
    staging = block
    session.output.reset(block)
    do throws(HTTP2Error) { try session.fill() } catch { throw TransportError(error) }
    for number in session.output.streams {
      guard let stream = streams[number] else { continue }
      stream.isInFlight = true
      batch.append(stream)
    }
    for piece in session.output.pieces { gather.append(piece) }
    _ = handleEvents(nil)
  }

  private func finishBatch() {
    guard !batch.isEmpty else { return }
    for stream in batch { stream.isInFlight = false }
    for stream in batch { stream.wroteSome() }
    batch.removeAll(keepingCapacity: true)
  }

  private func waitToWrite() {
    isWaitingToWrite = true
    let own = LoopConfined(self)
    Task(executorPreference: loop) { await own.value.finishWriting() }
  }

  private func finishWriting() async {
    do throws(TransportError) {
      try await transport.waitUntilWritable(for: idle)
      isWaitingToWrite = false
      pump()
    } catch {
      isWaitingToWrite = false
      fail(error)
    }
  }

  // MARK: Ends

  /// Closes now. Every stream that has not ended fails with `error`.
  func fail(_ error: TransportError) {
    guard isOpen else { return }
    failure = error
    transport.close()
    gather.removeAll()
    finishBatch()
    let left = streams
    streams.removeAll()
    for stream in left.values { stream.connectionEnded(error) }
    resumeBacklog()
    onChange?()
  }

  /// Says good-bye, if the socket takes that at once, and closes.
  func close(_ code: HTTP2ErrorCode = .noError) {
    guard isOpen else { return }
    session.terminate(code)
    // Asked for by an event of sending: what is being sent goes first.
    guard !isPumping else { return closesWhenOut = true }
    pump()
    fail(.closed)
  }

  /// Drops what a peer still sends that was told to go: closing with unread bytes would reset the connection under the
  /// GOAWAY.
  private func linger() async {
    let end = Deadline(on: loop) { [transport] in transport.close() }
    end.set(after: Self.farewell)
    transport.closeWriting()
    let block = pool.take()
    defer { pool.give(block) }
    do throws(TransportError) {
      reading: while isOpen {
        switch try transport.read(into: block) {
        case .bytes: await loop.yield()
        case .endOfStream: break reading
        case .wouldBlock: try await transport.waitUntilReadable(for: Self.farewell)
        }
      }
    } catch {}
    end.clear()
  }
}
