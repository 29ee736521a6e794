import HTTPCore

/// The first byte says in pieces of what size the rest comes. However that is, the same requests must be read; a second
/// reader must find the same; and written anew, as they go upstream, they must be read as what they were.
func checkRequestReader(_ input: [UInt8]) throws {
  guard let first = input.first else { return }
  let stream = Array(input.dropFirst())
  let whole = HTTPReading.requests(stream, inPiecesOf: max(1, stream.count))
  let split = HTTPReading.requests(stream, inPiecesOf: Int(first % 32) + 1)
  try require(whole == split, "split: \(whole) \(split)")

  var rest = stream[...]
  var upstream: [UInt8] = []
  var expected: [HTTPReading.Message] = []
  for message in whole.messages where message.isWhole {
    for _ in 0..<2 where rest.starts(with: [13, 10]) { rest = rest.dropFirst(2) }
    guard case .message(let plain) = PlainReader.request(in: Array(rest)) else {
      throw FuzzFinding(description: "taken, and refused by the second reader: \(message)")
    }
    try require(
      plain.method == message.start && plain.target == message.target && plain.body == message.body,
      "read in two ways: \(message) \(plain)")
    rest = rest.dropFirst(plain.length)
    upstream += try written(message, isChunked: expected.count % 2 == 1)
    expected.append(message)
  }
  if let end = whole.ends.last { try require(rest.startIndex == end, "the second reader is elsewhere") }

  for message in expected {
    guard case .message(let plain) = PlainReader.request(in: upstream) else {
      throw FuzzFinding(description: "not written as a request: \(message)")
    }
    try require(
      plain.method == message.start && plain.start[1] == message.target && plain.body == message.body,
      "written as another request: \(message) \(plain)")
    try require(
      plain.values("host") == ["upstream"] && plain.values("authorization") == ["Bearer x"],
      "our own fields are not ours")
    upstream.removeFirst(plain.length)
  }
  try require(upstream.isEmpty, "more was written than was read")
}

/// A request as it goes upstream: our own line, framing and fields, and those of the client that are not of this hop.
private func written(_ message: HTTPReading.Message, isChunked: Bool) throws -> [UInt8] {
  guard let method = HTTPCore.Method(rawValue: message.start) else { throw FuzzFinding(description: "no method") }
  let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 1)
  defer { block.deallocate() }
  var writer = HeadWriter(block)
  let framing: BodyFraming = message.body.isEmpty ? .none : isChunked ? .chunked : .length(message.body.count)
  writer.begin(method, message.target, framing)
  writer.append(.host, "upstream")
  writer.append(.authorization, "Bearer x")
  let own = ["host", "authorization", "connection", "content-length", "transfer-encoding"]
  for line in message.fields where !own.contains(where: { line.starts(with: Array("\($0):".utf8)) }) {
    line.withUnsafeBytes { writer.append(line: $0) }
  }
  writer.end()
  if framing == .chunked { writer.appendChunkSize(message.body.count) }
  try require(!writer.isOverrun, "a head larger than a block")
  return block[..<writer.count] + message.body + (framing == .chunked ? Array("\r\n0\r\n\r\n".utf8) : [])
}

/// As for requests; the second byte says what kind of request was asked.
func checkResponseReader(_ input: [UInt8]) throws {
  guard input.count >= 2 else { return }
  let stream = Array(input.dropFirst(2))
  let method: HTTPCore.Method = input[1] % 4 == 0 ? .head : .get
  let whole = HTTPReading.responses(stream, to: method, inPiecesOf: max(1, stream.count))
  let split = HTTPReading.responses(stream, to: method, inPiecesOf: Int(input[0] % 32) + 1)
  try require(whole == split, "split: \(whole) \(split)")
  var rest = stream[...]
  for message in whole.messages where message.isWhole {
    guard case .message(let plain) = PlainReader.response(in: Array(rest), toHead: method == .head) else {
      throw FuzzFinding(description: "taken, and refused by the second reader: \(message)")
    }
    try require(plain.start[1] == message.start && plain.body == message.body, "read in two ways: \(message) \(plain)")
    rest = rest.dropFirst(plain.length)
  }
  if let end = whole.ends.last { try require(rest.startIndex == end, "the second reader is elsewhere") }
}

/// Hosts, dates, URLs and percent-encoding: what is taken is of one form only.
func checkTexts(_ input: [UInt8]) throws {
  let text = String(decoding: input, as: UTF8.self)
  if let authority = Authority(text) {
    let name = authority.isBracketed ? "[\(authority.host)]" : authority.host
    let again = Authority(authority.port.map { "\(name):\($0)" } ?? name)
    try require(again == authority, "\(authority) is written as another")
    try require(!authority.host.isEmpty && authority.host.utf8.allSatisfy { $0 > 32 && $0 < 127 }, "a bad host")
  }
  if let seconds = HTTPDate.parse(text), !text.hasSuffix(":60 GMT") {
    try require(HTTPDate.format(seconds).dropFirst(3) == text.dropFirst(3), "\(text) is another date")
  }
  if let plain = PercentCoding.decode(text) {
    try require(PercentCoding.decode(PercentCoding.encode(plain)) == plain, "\(text) is coded in two ways")
  }
  let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 3 * input.count + 128, alignment: 1)
  defer { block.deallocate() }
  var writer = HeadWriter(block)
  writer.begin(.get, "/" + text, .none)
  writer.append(.host, text)
  writer.end()
  guard !writer.isOverrun else { return }
  guard case .message(let plain) = PlainReader.request(in: Array(block[..<writer.count])) else {
    throw FuzzFinding(description: "not written as a request")
  }
  try require(plain.fields.map(\.name) == ["host"] && plain.length == writer.count, "more than one field")
}
