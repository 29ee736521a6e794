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

/// Frames written by hand (RFC 9113 section 4.1), with fields as literals that enter no table (RFC 7541, 6.2.2).
enum Frame {
  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  static func raw(_ type: UInt8, _ flags: UInt8, _ stream: Int32, _ payload: [UInt8] = []) -> [UInt8] {
    let count = payload.count
    let number = UInt32(bitPattern: stream)
    return [
      UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags, UInt8(number >> 24),
      UInt8(number >> 16 & 255), UInt8(number >> 8 & 255), UInt8(number & 255),
    ] + payload
  }

  static func settings(_ entries: [(UInt16, UInt32)] = []) -> [UInt8] {
    raw(4, 0, 0, entries.flatMap { [UInt8($0.0 >> 8), UInt8($0.0 & 255)] + number($0.1) })
  }

  static let settingsAcknowledgement = raw(4, 1, 0)

  /// A head; what does not fit into one frame goes on in CONTINUATION frames.
  static func headers(_ stream: Int32, _ fields: [(String, String)], ends: Bool = true) -> [UInt8] {
    var block = fields.flatMap { literal($0.0, $0.1) }[...]
    let first = Array(block.prefix(16_384))
    block = block.dropFirst(first.count)
    var bytes = raw(1, (ends ? 1 : 0) | (block.isEmpty ? 4 : 0), stream, first)
    while !block.isEmpty {
      let next = Array(block.prefix(16_384))
      block = block.dropFirst(next.count)
      bytes += raw(9, block.isEmpty ? 4 : 0, stream, next)
    }
    return bytes
  }

  static func data(_ stream: Int32, _ bytes: [UInt8], ends: Bool = false) -> [UInt8] {
    raw(0, ends ? 1 : 0, stream, bytes)
  }

  static func reset(_ stream: Int32, code: UInt32 = 8) -> [UInt8] { raw(3, 0, stream, number(code)) }

  static func windowUpdate(_ stream: Int32, _ increment: UInt32) -> [UInt8] { raw(8, 0, stream, number(increment)) }

  static func ping(_ content: UInt8 = 0) -> [UInt8] { raw(6, 0, 0, [UInt8](repeating: content, count: 8)) }

  static func number(_ value: UInt32) -> [UInt8] {
    [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
  }

  static func literal(_ name: String, _ value: String) -> [UInt8] { [0] + string(name) + string(value) }

  static func string(_ text: String) -> [UInt8] {
    let bytes = Array(text.utf8)
    guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
    var length: [UInt8] = [127]
    var rest = bytes.count - 127
    while rest >= 128 {
      length.append(UInt8(rest & 127 | 128))
      rest >>= 7
    }
    return length + [UInt8(rest)] + bytes
  }

  /// The pseudo-fields of a plain request.
  static let get = [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "example.test")]
  static let post = [(":method", "POST"), (":scheme", "https"), (":path", "/"), (":authority", "example.test")]
}

/// The frames in a run of bytes.
func frames(of bytes: [UInt8]) -> [(type: UInt8, stream: Int32, payload: [UInt8])] {
  var frames: [(type: UInt8, stream: Int32, payload: [UInt8])] = []
  var rest = bytes[...]
  while rest.count >= 9 {
    let head = Array(rest.prefix(9))
    let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
    let stream = Int32(head[5] & 127) << 24 | Int32(head[6]) << 16 | Int32(head[7]) << 8 | Int32(head[8])
    rest = rest.dropFirst(9)
    frames.append((head[3], stream, Array(rest.prefix(length))))
    rest = rest.dropFirst(length)
  }
  return frames
}

/// The code of the GOAWAY among `bytes`.
func goAwayCode(in bytes: [UInt8]) -> HTTP2ErrorCode? {
  frames(of: bytes).first { $0.type == 7 }.map { frame in
    HTTP2ErrorCode(rawValue: frame.payload[4..<8].reduce(0) { $0 << 8 | UInt32($1) })
  }
}
