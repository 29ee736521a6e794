import EventLoop
import HTTPCore

/// One exchange on an HTTP/2 connection, in either role. Reading and writing may be done by two tasks, one each. Confined to
/// its loop.
final class HTTP2Stream {
  let id: Int32
  let connection: HTTP2Connection
  private let session: HTTP2Session
  /// The response's head, on the client's side.
  private(set) var response: ResponseHead?
  /// Why nothing more comes, or can be sent. What came before is still read.
  private(set) var failure: TransportError?
  /// The peer has not looked at the request: sending it again repeats nothing.
  private(set) var isRefused = false
  /// Nobody reads any more; what comes is dropped.
  private(set) var isAbandoned = false
  /// The peer has ended its message.
  private(set) var isEnded: Bool
  /// Something of this stream is on its way to the socket, and its memory is in use.
  var isInFlight = false
  /// Told when the stream, or the connection, has ended before its time.
  var onGone: (() -> Void)?

  private var incoming = IncomingBody()
  /// Body bytes that were lent and not yet given back to the session.
  private var lentBytes = 0
  /// Body bytes that are still to come, and to be sent, where the heads tell.
  private var remaining: Int?
  private var outgoingLeft: Int?
  private(set) var bodyBytesRead = 0
  private(set) var bytesWritten = 0
  private var hasProgressed = false

  private var reader: UnsafeContinuation<Bool, Never>?
  private var writer: UnsafeContinuation<Bool, Never>?
  private lazy var readDeadline = Deadline(on: connection.loop) { [unowned self] in resumeReader(false) }
  private lazy var writeDeadline = Deadline(on: connection.loop) { [unowned self] in resumeWriter(false) }

  /// - Parameter framing: of the message that comes, where it is known by now.
  init(_ id: Int32, on connection: HTTP2Connection, framing: BodyFraming? = nil, isEnded: Bool = false) {
    self.id = id
    self.connection = connection
    session = connection.session
    self.isEnded = isEnded
    if let framing { begin(framing) }
  }

  deinit { incoming.removeAll() }

  private func begin(_ framing: BodyFraming) {
    switch framing {
    case .none: remaining = 0
    case .length(let length): remaining = length
    case .chunked, .untilClose: break
    }
  }

  /// The session knows no more of it: it has ended on both sides or was reset.
  private(set) var isOver = false

  // MARK: What the connection tells

  func headCame(_ head: ResponseHead, isEnded: Bool) {
    response = head
    self.isEnded = isEnded
    begin(head.framing)
    resumeReader(true)
  }

  /// - Parameter copying: the bytes will not stay; otherwise `adopt` follows with the block that they are in.
  func dataCame(_ bytes: UnsafeRawBufferPointer, copying: Bool) {
    if let remaining { self.remaining = remaining - bytes.count }
    guard !isAbandoned else { return session.drop(bytes.count) }
    if copying { incoming.append(copying: bytes) } else { incoming.append(lent: bytes) }
    resumeReader(true)
  }

  /// Takes over the block that the last data is in. Returns false when there is none of it.
  func adopt(_ block: UnsafeMutableRawBufferPointer) -> Bool { incoming.adopt(block, of: connection.loop.buffers) }

  func peerEnded() {
    isEnded = true
    resumeReader(true)
  }

  func closed(_ code: HTTP2ErrorCode, byPeer: Bool) {
    isOver = true
    if byPeer || !isEnded || code != .noError {
      if code == .refusedStream { isRefused = true }
      switch code {
      // As a connection that ends before it has answered.
      case .refusedStream: fail(.peerClosed)
      case .protocolError where !byPeer: fail(.malformed(HTTPParseError("a stream that broke the rules of HTTP/2")))
      case _ where byPeer: fail(.reset(code))
      default: fail(.closed)
      }
    }
    // The end of the body is certain now, even where the session knew it before it was read.
    resumeReader(true)
    resumeWriter(true)
  }

  func connectionEnded(_ error: TransportError) {
    isOver = true
    fail(error)
  }

  func fail(_ error: TransportError) {
    guard failure == nil else { return }
    failure = error
    resumeReader(true)
    resumeWriter(true)
    onGone?()
  }

  func wroteSome() {
    hasProgressed = true
    resumeWriter(true)
  }

  // MARK: Reading

  private enum Wanted { case head, body }

  private func has(_ wanted: Wanted) -> Bool {
    if failure != nil || isEnded { return true }
    switch wanted {
    case .head: return response != nil
    case .body: return !incoming.isEmpty || remaining == 0
    }
  }

  /// - Returns: false when the time is up.
  private func wait(for wanted: Wanted, _ idle: Duration) async -> Bool {
    if has(wanted) { return true }
    return await withUnsafeContinuation { (waiter: UnsafeContinuation<Bool, Never>) in
      // Getting here may suspend.
      guard !has(wanted) else { return waiter.resume(returning: true) }
      precondition(reader == nil, "one task reads a stream at a time")
      readDeadline.set(after: idle)
      reader = waiter
    }
  }

  private func resumeReader(_ isInTime: Bool) {
    guard let waiting = reader else { return }
    reader = nil
    readDeadline.clear()
    waiting.resume(returning: isInTime)
  }

  /// Waits for the head of the response.
  /// - Returns: nil when `patience` has run out.
  func head(within patience: Duration) async throws(TransportError) -> ResponseHead? {
    while response == nil {
      if let failure { throw failure }
      if isEnded { throw .peerClosed }
      guard await wait(for: .head, patience) else { return nil }
    }
    return response
  }

  /// All of the body has been lent.
  var isBodyRead: Bool { incoming.isEmpty && (isEnded || remaining == 0) }

  /// Lends the next body bytes: pieces that are valid until the next call. With it the last ones are given back.
  /// - Returns: false at the end of the body, with nothing in `list`.
  func readBody(into list: GatherList, idle: Duration) async throws(TransportError) -> Bool {
    giveBack()
    while incoming.isEmpty {
      if isEnded || remaining == 0 { return false }
      if let failure { throw failure }
      guard await wait(for: .body, idle) else { throw .timedOut }
    }
    // Room is left for what the writer puts before and after.
    lentBytes = incoming.lend(to: list, limit: GatherList.capacity - 4)
    bodyBytesRead += lentBytes
    return true
  }

  /// Leaves the memory of what was lent to its holder. Nil while some of the same memory is still to be lent.
  func leavePieces() -> LentMemory? { incoming.isEmpty ? incoming.leaveLent() : nil }

  /// What was lent is done with; as much may come.
  private func giveBack() {
    incoming.release()
    guard lentBytes > 0 else { return }
    session.consume(lentBytes, of: id, at: connection.loop.now)
    lentBytes = 0
    connection.pump()
  }

  /// Nobody reads any more: drops what still comes. The memory of what was lent may still be in use, by whoever writes it
  /// elsewhere; it goes with the stream.
  func abandon() {
    guard !isAbandoned else { return }
    isAbandoned = true
    session.drop(lentBytes + incoming.byteCount)
    lentBytes = 0
  }

  // MARK: Writing

  /// Sends body pieces, and waits until they are out; `list` is empty afterwards.
  /// - Parameter isLast: the body ends with them, as it does at the length that the head told.
  /// - Throws: `.closed` when more or less is written than the head declared.
  func writeBody(_ list: GatherList, isLast: Bool, idle: Duration) async throws(TransportError) {
    if let left = outgoingLeft {
      guard list.byteCount <= left, !isLast || list.byteCount == left else { throw .closed }
      outgoingLeft = left - list.byteCount
    }
    bytesWritten += list.byteCount
    list.forEach { session.send($0, on: id) }
    list.removeAll()
    session.commit(id, ends: isLast || outgoingLeft == 0)
    try await flush(idle: idle)
  }

  /// A head of so many bytes was composed.
  func wroteHead(_ framing: BodyFraming, bytes: Int) {
    bytesWritten += bytes
    switch framing {
    case .none: outgoingLeft = 0
    case .length(let length): outgoingLeft = length
    case .chunked, .untilClose: outgoingLeft = nil
    }
  }

  /// Composes the head of a response. It goes out with the first body bytes, or by `flush`.
  /// - Parameter isBodiless: the response is to a HEAD, and ends here whatever it says of a body.
  func writeHead(status: Int, _ framing: BodyFraming, isBodiless: Bool, _ fields: (inout HeadWriter) -> Void) {
    let pool = connection.loop.buffers
    let block = pool.take()
    defer { pool.give(block) }
    var writer = HeadWriter(block)
    fields(&writer)
    precondition(!writer.isOverrun, "a head is larger than a block")
    let lines = UnsafeRawBufferPointer(rebasing: block[..<writer.count])
    let hasBody = framing != .none && !isBodiless
    do throws(HTTP2Error) {
      try session.respond(on: id, status: status, framing, hasBody: hasBody, lines)
      wroteHead(isBodiless ? .none : framing, bytes: writer.count)
    } catch {
      fail(TransportError(error))
    }
  }

  /// Lets a client on that waits for 100 before it sends its body.
  func letOn() {
    session.inform(on: id, status: 100)
    connection.pump()
  }

  /// Waits until all that was composed is out: as long as some of it moves within `idle`.
  func flush(idle: Duration) async throws(TransportError) {
    connection.pump()
    while isWriting {
      hasProgressed = false
      let isInTime = await withUnsafeContinuation { (waiter: UnsafeContinuation<Bool, Never>) in
        guard isWriting else { return waiter.resume(returning: true) }
        precondition(writer == nil, "one task writes a stream at a time")
        writeDeadline.set(after: idle)
        writer = waiter
      }
      guard isInTime || hasProgressed else {
        reset(.cancel)
        fail(.timedOut)
        // The socket itself does not move: nothing on this connection does. And its memory must not go before.
        if isInFlight { connection.fail(.timedOut) }
        throw .timedOut
      }
    }
    if let failure { throw failure }
  }

  private var isWriting: Bool { isInFlight || (failure == nil && connection.isOpen && session.hasUnsent(id)) }

  private func resumeWriter(_ isInTime: Bool) {
    guard let waiting = writer else { return }
    writer = nil
    writeDeadline.clear()
    waiting.resume(returning: isInTime)
  }

  /// Breaks the stream off: the peer learns that it is cut.
  func reset(_ code: HTTP2ErrorCode) {
    session.reset(id, code)
    connection.pump()
  }
}
