import HTTPCore

/// The first byte says in pieces of what size the frames of a client come, behind its preface. However that is, the same
/// requests must be read, and written for HTTP/1 they must be read as what they were.
func checkHTTP2Server(_ input: [UInt8]) throws {
  guard let first = input.first else { return }
  let stream = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + input.dropFirst()
  let whole = try HTTP2Reading(.server, stream, inPiecesOf: stream.count)
  let split = try HTTP2Reading(.server, stream, inPiecesOf: Int(first % 64) + 1)
  try require(whole.told == split.told, "split: \(whole.told) \(split.told)")
  for head in whole.requests { try checkWritten(head) }
}

/// The same for a server that answers one request.
func checkHTTP2Client(_ input: [UInt8]) throws {
  guard let first = input.first else { return }
  let stream = Array(input.dropFirst())
  let whole = try HTTP2Reading(.client, stream, inPiecesOf: max(1, stream.count))
  let split = try HTTP2Reading(.client, stream, inPiecesOf: Int(first % 64) + 1)
  try require(whole.told == split.told, "split: \(whole.told) \(split.told)")
}

/// What a session tells of the bytes of a connection.
private struct HTTP2Reading {
  /// The heads, and the bodies of the streams that came to a good end. What is told of others, and after the end of the
  /// connection, may differ by how the bytes are cut.
  private(set) var told: [String] = []
  private(set) var requests: [RequestHead] = []
  private var ended: [Int32] = []

  init(_ configuration: HTTP2Configuration, _ bytes: [UInt8], inPiecesOf size: Int) throws {
    let session = try HTTP2Session(configuration)
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 1)
    defer { room.deallocate() }
    if configuration.role == .client {
      _ = try withBlock(Array("host: upstream\r\n".utf8)) { lines in
        try session.request(.get, "/x", isSecure: false, .none, lines)
      }
    }
    session.output.reset(room)
    try session.fill()
    var bodies: [Int32: [UInt8]] = [:]
    for position in stride(from: 0, to: bytes.count, by: size) {
      let isOver = try withBlock(bytes[position..<min(bytes.count, position + size)]) { block in
        do throws(HTTP2Error) { try session.receive(block) } catch { return true }
        for event in session.events { try take(event, &bodies) }
        session.events.removeAll()
        return false
      }
      try require(session.streamCount <= configuration.concurrentStreams + 1, "too many streams")
      if isOver { break }
    }
    told += ended.sorted().map { "\($0) \(bodies[$0] ?? [])" }
    while session.wantsToSend {
      session.output.reset(room)
      do throws(HTTP2Error) { try session.fill() } catch { break }
      if session.output.isEmpty { break }
    }
  }

  private mutating func take(_ event: HTTP2Event, _ bodies: inout [Int32: [UInt8]]) throws {
    switch event {
    case .request(let stream, let head, let isEnded):
      requests.append(head)
      told.append("\(stream) \(head.method) \(head.target) \(head.fields.list) \(head.framing) \(isEnded)")
    case .response(let stream, let head, let isEnded):
      told.append("\(stream) \(head.status) \(head.fields.list) \(head.framing) \(isEnded)")
      var isGood = true
      head.fields.forEach { name, value in isGood = isGood && checked(name, value) }
      try require(isGood, "a field against the grammar: \(head.fields.list)")
    case .data(let stream, let bytes): bodies[stream, default: []] += Array(bytes)
    case .refused(let stream, let error): told.append("\(stream) refused \(error.status)")
    case .ended(let stream): ended.append(stream)
    case .malformed, .closed, .goAway: break
    }
  }
}

private func checked(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool {
  !name.isEmpty && name.allSatisfy(Grammar.isToken) && value.allSatisfy(Grammar.isFieldContent)
}

/// A request that came over HTTP/2, as it goes upstream over HTTP/1.
private func checkWritten(_ head: RequestHead) throws {
  var isGood = true
  head.fields.forEach { name, value in isGood = isGood && checked(name, value) }
  try require(isGood, "a field against the grammar: \(head.fields.list)")
  let hosts = head.fields.list.filter { $0.name == "host" }
  try require(hosts.count == 1 && Authority(hosts[0].value) != nil, "not one host: \(hosts)")
  let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 1)
  defer { block.deallocate() }
  var writer = HeadWriter(block)
  writer.begin(head.method, head.target, .none)
  let framing = ["content-length", "transfer-encoding", "connection"]
  var count = 0
  head.fields.forEachLine { name, line in
    if framing.contains(String(decoding: name, as: UTF8.self)) { return }
    writer.append(line: line)
    count += 1
  }
  writer.end()
  guard !writer.isOverrun, case .message(let plain) = PlainReader.request(in: Array(block[..<writer.count])) else {
    throw FuzzFinding(description: "not written as a request: \(head.target) \(head.fields.list)")
  }
  let own = plain.values("content-length").count
  try require(
    plain.method == head.method.rawValue && plain.start[1] == head.target && plain.length == writer.count
      && plain.fields.count == count + own, "written as another request: \(head.target) \(head.fields.list)")
}
