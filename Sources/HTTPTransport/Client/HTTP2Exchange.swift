import EventLoop
import HTTPCore

/// An exchange on a stream of an HTTP/2 connection. Confined to its loop.
final class HTTP2Exchange: UpstreamExchange {
  let pieces = GatherList()
  let wasUsed: Bool
  let setup: ConnectionSetup?
  private let link: HTTP2Link
  private var stream: HTTP2Stream?
  private var failure: TransportError?
  private var isRequestWritten = false
  private var isOver = false

  init(on link: HTTP2Link, setup: ConnectionSetup?) {
    self.link = link
    self.setup = setup
    wasUsed = link.wasUsed
  }

  deinit { assert(isOver, "an exchange must be ended before it goes") }

  var origin: Origin { link.origin }
  var isReused: Bool { wasUsed || stream?.isRefused == true }
  var hasAnswered: Bool { stream?.response != nil }
  var isOpen: Bool { !isOver && link.isOpen }
  var isBodyRead: Bool { stream.map { $0.response != nil && $0.isBodyRead } ?? false }
  /// What comes on other streams is theirs.
  var hasSurplus: Bool { false }

  func send(_ method: Method, _ target: String, _ framing: BodyFraming, _ fields: (inout HeadWriter) -> Void) {
    let pool = link.connection.loop.buffers
    let block = pool.take()
    defer { pool.give(block) }
    var writer = HeadWriter(block)
    fields(&writer)
    precondition(!writer.isOverrun, "a head is larger than a block")
    guard link.isOpen, stream == nil else { return failure = .peerClosed }
    let lines = UnsafeRawBufferPointer(rebasing: block[..<writer.count])
    do throws(HTTP2Error) {
      let session = link.connection.session
      let number = try session.request(method, target, isSecure: link.origin.isSecure, framing, lines)
      let stream = HTTP2Stream(number, on: link.connection)
      stream.wroteHead(framing, bytes: writer.count)
      link.connection.add(stream)
      self.stream = stream
    } catch {
      // No more streams on this connection: nothing was sent.
      failure = .peerClosed
    }
    isRequestWritten = framing == .none
  }

  func writeBody(_ list: GatherList, isLast: Bool, idle: Duration) async throws(TransportError) {
    try await current().writeBody(list, isLast: isLast, idle: idle)
    if isLast { isRequestWritten = true }
  }

  func flush(idle: Duration) async throws(TransportError) { try await current().flush(idle: idle) }

  func responseBegins(within patience: Duration) async throws(TransportError) -> Bool {
    do throws(TransportError) {
      return try await current().head(within: patience) != nil
    } catch .peerClosed {
      return true
    }
  }

  func receiveHead(to method: Method, firstByte: Duration, rest: Duration) async throws(TransportError)
    -> ResponseHead
  {
    guard let head = try await current().head(within: firstByte) else {
      // Nobody may be there any more: others need not find that out again.
      link.retire()
      throw .timedOut
    }
    return head
  }

  func readBody(into list: GatherList, idle: Duration) async throws(TransportError) -> Bool {
    try await current().readBody(into: list, idle: idle)
  }

  func leavePieces() -> LentMemory? { stream?.leavePieces() }

  private func current() throws(TransportError) -> HTTP2Stream {
    if let failure { throw failure }
    guard let stream, !isOver else { throw .closed }
    return stream
  }

  func release(to pool: UpstreamPool) { close() }

  func close() {
    guard !isOver else { return }
    isOver = true
    let stream = self.stream
    // Whoever still waits is not to wait for what is dropped from now on.
    if let stream, !stream.isOver { stream.fail(.closed) }
    link.end(stream, isRequestWritten: isRequestWritten)
  }
}
