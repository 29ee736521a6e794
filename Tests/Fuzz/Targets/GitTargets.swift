import GitProtocol

/// The first byte says how the stream is read and in pieces of what size it comes. What is let go is what came, in order, and
/// however it is cut, it can be ended with whole packets.
func checkPktLines(_ input: [UInt8]) throws {
  guard let first = input.first else { return }
  let stream = Array(input.dropFirst())
  let sideband: [PktLineTracker.SidebandStart] = [.never, .immediately, .afterPackfileLine, .afterAcknowledgement]
  let start = sideband[Int(first % 4)]
  let size = Int(first / 4) + 1
  var tracker = PktLineTracker(sideband: start)
  var sent: [UInt8] = []
  for position in stride(from: 0, to: stream.count, by: size) {
    let piece = stream[position..<min(stream.count, position + size)]
    withBlock(piece) { block in
      let release = tracker.advance(over: block)
      sent += Array(release.prefix) + Array(block[..<release.count])
    }
    try require(sent + Array(tracker.heldPrefix) == Array(stream[..<piece.endIndex]), "other bytes were let go")
    try require(tracker.heldPrefix.count < 4, "too much is held")
  }
  var whole = PktLineTracker(sideband: start)
  _ = withBlock(stream) { whole.advance(over: $0) }
  try require(
    whole.isTransparent == tracker.isTransparent && whole.openBytes == tracker.openBytes
      && whole.isInSideband == tracker.isInSideband && whole.endsInFlush == tracker.endsInFlush
      && whole.openBand == tracker.openBand, "split")
  let ending = tracker.ending(with: String(decoding: stream.prefix(100), as: UTF8.self))
  if !ending.isEmpty { try require(isWhole(sent + ending), "it does not end between packets") }

  var reader = PktLineReader(stream)
  while let packet = try? reader.next() {
    if case .data(let payload) = packet { try require(payload.count <= PktLine.maxPayloadBytes, "a long packet") }
  }
}

/// Whether bytes are whole packets, read in the plainest way.
private func isWhole(_ bytes: [UInt8]) -> Bool {
  var rest = bytes[...]
  while !rest.isEmpty {
    guard rest.count >= 4, let length = Int(String(decoding: rest.prefix(4), as: UTF8.self), radix: 16) else {
      return false
    }
    let count = max(4, length)
    guard length != 3, rest.count >= count else { return false }
    rest = rest.dropFirst(count)
  }
  return true
}

/// The first byte says what is read. A body must say the same packed in gzip.
func checkGitRequests(_ input: [UInt8]) throws {
  guard let first = input.first else { return }
  let body = Array(input.dropFirst())
  let isWhole = first & 1 == 1
  _ = try? ReceivePackRequest.inspect(body, coding: .gzip, isWholeBody: isWhole)
  _ = try? UploadPackRequest.inspect(body, version: .v2, coding: .gzip, isWholeBody: isWhole)
  if first & 2 == 2 {
    let plain = Result { try ReceivePackRequest.inspect(body, coding: .identity, isWholeBody: isWhole) }
    let packed = Result { try ReceivePackRequest.inspect(gzip(body), coding: .gzip, isWholeBody: isWhole) }
    try require(same(plain, packed, body, { $0 == $1 }), "packed, it is another push: \(plain) \(packed)")
    if let request = try? plain.get().request {
      try require(request.updates.count <= body.count / 4, "too many updates")
    }
  } else {
    let version: ProtocolVersion = [.v0, .v1, .v2, .v2][Int(first >> 2 & 3)]
    let plain = Result {
      try UploadPackRequest.inspect(body, version: version, coding: .identity, isWholeBody: isWhole)
    }
    let packed = Result {
      try UploadPackRequest.inspect(gzip(body), version: version, coding: .gzip, isWholeBody: isWhole)
    }
    try require(same(plain, packed, body, { $0 == $1 }), "packed, it is another fetch: \(plain) \(packed)")
  }
}

/// Bodies near the bound may be cut at another place when packed.
private func same<Value>(
  _ first: Result<Value, any Error>, _ second: Result<Value, any Error>, _ body: [UInt8],
  _ equal: (Value, Value) -> Bool
) -> Bool {
  switch (first, second) {
  case (.success(let first), .success(let second)): body.count > 60_000 || equal(first, second)
  case (.failure, .failure): true
  default: body.count > 60_000
  }
}

/// gzip of stored blocks (RFC 1951 section 3.2.4; RFC 1952).
private func gzip(_ bytes: [UInt8]) -> [UInt8] {
  var output: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
  var rest = bytes[...]
  repeat {
    let block = rest.prefix(65_535)
    rest = rest.dropFirst(block.count)
    let size = UInt16(block.count)
    output.append(rest.isEmpty ? 1 : 0)
    for value in [size, ~size] { output += [UInt8(value & 0xff), UInt8(value >> 8)] }
    output += block
  } while !rest.isEmpty
  var sum: UInt32 = 0xffff_ffff
  for byte in bytes {
    sum ^= UInt32(byte)
    for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xedb8_8320 : sum >> 1 }
  }
  for value in [~sum, UInt32(bytes.count)] { output += (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
  return output
}

/// What is taken says the same when it is written anew.
func checkAdvertisement(_ input: [UInt8]) throws {
  guard let first = input.first else { return }
  let service: Service = first & 1 == 0 ? .uploadPack : .receivePack
  guard let read = try? Advertisement(parsing: Array(input.dropFirst()), service: service) else { return }
  try require(read.references.count <= input.count / 4, "too many refs")
  guard let again = try? Advertisement(parsing: read.encoded(), service: service) else {
    throw FuzzFinding(description: "not written as an advertisement: \(read)")
  }
  try require(
    again.references == read.references && again.version == read.version && again.shallow == read.shallow,
    "written as another: \(read) \(again)")
}

/// The first byte says in pieces of what size the rest comes. The output is bounded, and the same however it comes.
func checkInflate(_ input: [UInt8]) throws {
  guard let first = input.first else { return }
  let stream = Array(input.dropFirst())
  let limit = 100_000
  func inflate(inPiecesOf size: Int) throws -> (output: [UInt8], failure: String) {
    let inflate = try Inflate(limit: limit)
    var output: [UInt8] = []
    do throws(InflateError) {
      for position in stride(from: 0, to: stream.count, by: size) {
        try inflate.feed(stream[position..<min(stream.count, position + size)], into: &output)
      }
      try inflate.finish()
    } catch {
      return (output, "\(error)")
    }
    return (output, "")
  }
  let whole = try inflate(inPiecesOf: max(1, stream.count))
  let split = try inflate(inPiecesOf: Int(first) + 1)
  try require(whole.output.count <= limit, "more than the limit")
  try require(whole.failure == split.failure, "split: \(whole.failure) \(split.failure)")
  // A damaged stream may have given out more of itself by then when it came at once.
  if whole.failure.isEmpty { try require(whole.output == split.output, "split: another output") }
}
