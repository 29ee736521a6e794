import GatewayTestSupport

@testable import HTTPCore

/// One session with the memory that it writes to and a record of what it told.
final class HTTP2End {
  let session: HTTP2Session
  private let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 64)
  /// Body pieces that were queued; they stay until the end of the test.
  private var kept: [UnsafeMutableRawBufferPointer] = []
  var requests: [Int32: RequestHead] = [:]
  var responses: [Int32: ResponseHead] = [:]
  var refusals: [Int32: HTTPParseError] = [:]
  var malformed: [Int32: HTTPParseError] = [:]
  var bodies: [Int32: [UInt8]] = [:]
  var ended: Set<Int32> = []
  var closed: [Int32: HTTP2ErrorCode] = [:]
  var goAway: HTTP2ErrorCode?
  var failure: HTTP2Error?
  /// Gives body bytes back as they come.
  var consumes = true
  /// Done at each request.
  var onRequest: ((HTTP2End, Int32) -> Void)?

  init(_ configuration: HTTP2Configuration) throws {
    session = try HTTP2Session(configuration)
  }

  deinit {
    block.deallocate()
    for piece in kept { piece.deallocate() }
  }

  /// All that the session wants to send now.
  func take() -> [UInt8] {
    var bytes: [UInt8] = []
    while failure == nil {
      session.output.reset(block)
      do throws(HTTP2Error) { try session.fill() } catch { failure = error }
      for piece in session.output.pieces { bytes += piece }
      handle()
      if session.output.isEmpty { break }
    }
    return bytes
  }

  func receive(_ bytes: some Sequence<UInt8>) {
    let bytes = Array(bytes)
    bytes.withUnsafeBytes { bytes in
      do throws(HTTP2Error) { try session.receive(bytes) } catch { failure = error }
      handle()
    }
  }

  private func handle() {
    while !session.events.isEmpty {
      let events = session.events
      session.events.removeAll()
      for event in events { handle(event) }
    }
  }

  private func handle(_ event: HTTP2Event) {
    switch event {
    case .request(let stream, let head, let isEnded):
      requests[stream] = head
      if isEnded { ended.insert(stream) }
      onRequest?(self, stream)
    case .refused(let stream, let error): refusals[stream] = error
    case .response(let stream, let head, let isEnded):
      responses[stream] = head
      if isEnded { ended.insert(stream) }
    case .data(let stream, let bytes):
      bodies[stream, default: []] += bytes
      if consumes { session.consume(bytes.count, of: stream) }
    case .ended(let stream): ended.insert(stream)
    case .malformed(let stream, let error): malformed[stream] = error
    case .closed(let stream, let code, _): closed[stream] = code
    case .goAway(_, let code): goAway = code
    }
  }

  func request(_ method: HTTPCore.Method, _ target: String, _ framing: BodyFraming = .none, _ fields: String = "")
    throws -> Int32
  {
    try Array("host: example.test\r\n\(fields)".utf8).withUnsafeBytes {
      try session.request(method, target, isSecure: true, framing, $0)
    }
  }

  func respond(
    _ stream: Int32, _ status: Int = 200, _ fields: String = "", body: [UInt8]? = nil, tellsLength: Bool = true
  ) {
    Array(fields.utf8).withUnsafeBytes { lines in
      let framing = body.map { tellsLength ? BodyFraming.length($0.count) : .chunked } ?? .none
      try? session.respond(on: stream, status: status, framing, hasBody: body != nil, lines)
    }
    if let body { send(body, on: stream, ends: true) }
  }

  func send(_ bytes: [UInt8], on stream: Int32, ends: Bool, pieceSize: Int = .max) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: min(pieceSize, rest.count), alignment: 1)
      piece.copyBytes(from: rest.prefix(piece.count))
      rest = rest.dropFirst(piece.count)
      kept.append(piece)
      session.send(UnsafeRawBufferPointer(piece), on: stream)
    }
    session.commit(stream, ends: ends)
  }
}

/// A client and a server, their bytes carried by hand.
struct HTTP2Pair {
  let client: HTTP2End
  let server: HTTP2End

  init(client: HTTP2Configuration = .client, server: HTTP2Configuration = .server) throws {
    self.client = try HTTP2End(client)
    self.server = try HTTP2End(server)
  }

  /// Carries bytes both ways until neither has more.
  /// - Parameter size: bytes a delivery.
  func settle(size: Int = .max) {
    while true {
      let forth = client.take()
      deliver(forth, to: server, size)
      let back = server.take()
      deliver(back, to: client, size)
      if forth.isEmpty && back.isEmpty { return }
    }
  }

  private func deliver(_ bytes: [UInt8], to end: HTTP2End, _ size: Int) {
    var rest = bytes[...]
    while !rest.isEmpty {
      end.receive(rest.prefix(size))
      rest = rest.dropFirst(min(size, rest.count))
    }
  }
}
