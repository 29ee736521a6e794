import GitProtocol

/// The first byte says whether the rest is packed. What is taken has a key that is a request of its own, and asks for the
/// same when it is read again; a request with its arguments turned around and doubled has the same key.
func checkCommandRequests(_ input: [UInt8]) throws {
  guard let first = input.first else { return }
  let body = Array(input.dropFirst())
  guard let command = try? CommandRequest(parsing: body, coding: first & 1 == 1 ? .gzip : .identity) else { return }
  if let refs = LsRefsRequest(command) {
    try require(refs.canonicalBytes.suffix(4).elementsEqual(PktLine.flush), "a key without an end")
  }
  guard let fetch = FetchRequest(command) else { return }
  try require(1...FetchRequest.maxWants ~= fetch.wants.count, "\(fetch.wants.count) wants")
  try require(isSorted(fetch.wants) && isSorted(fetch.haves), "ids in another order")
  let again = try request(asRequest(fetch.canonicalBytes))
  try require(again.canonicalBytes == fetch.canonicalBytes, "its key has another key")
  try require(again.wants == fetch.wants && again.haves == fetch.haves, "its key has other ids")

  let limits = ["deepen ", "deepen-since ", "filter "]
  let repeated = command.arguments.filter { line in !limits.contains { line.starts(with: $0.utf8) } }
  var turned = head(command.capabilities)
  for line in command.arguments.reversed() + repeated { PktLine.append(line, to: &turned) }
  try require(
    try request(turned + PktLine.flush).canonicalBytes == fetch.canonicalBytes, "turned around, it has another key")
}

/// A key with the line `command=fetch` in the place of its version.
private func asRequest(_ key: [UInt8]) -> [UInt8] {
  var output: [UInt8] = []
  PktLine.append(line: "command=fetch", to: &output)
  return output + key.dropFirst("000eversion 2\n".utf8.count)
}

private func head(_ capabilities: [ArraySlice<UInt8>]) -> [UInt8] {
  var output: [UInt8] = []
  PktLine.append(line: "command=fetch", to: &output)
  for line in capabilities { PktLine.append(line, to: &output) }
  return output + PktLine.delimiter
}

private func request(_ body: [UInt8]) throws -> FetchRequest {
  guard let command = try? CommandRequest(parsing: body, coding: .identity), let fetch = FetchRequest(command) else {
    throw FuzzFinding(description: "no fetch: \(String(decoding: body, as: UTF8.self))")
  }
  return fetch
}

private func isSorted(_ ids: [ArraySlice<UInt8>]) -> Bool {
  zip(ids, ids.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) }
}

/// The first byte says in pieces of what size the answer comes. What is kept does not depend on it, is the answer without
/// the packets of band 2, and what was said of it holds for the bytes kept.
func checkFetchAnswers(_ input: [UInt8]) throws {
  guard let first = input.first else { return }
  let stream = Array(input.dropFirst())
  let whole = record(stream, inPiecesOf: max(1, stream.count))
  let split = record(stream, inPiecesOf: Int(first) + 1)
  try require(whole.kept == split.kept, "split: other bytes are kept")
  try require(
    whole.recorder.verdict == split.recorder.verdict && whole.recorder.isComplete == split.recorder.isComplete
      && whole.recorder.isAligned == split.recorder.isAligned && whole.recorder.packBytes == split.recorder.packBytes
      && whole.recorder.preludeBytes == split.recorder.preludeBytes, "split: another verdict")
  try require(whole.recorder.keptBytes == whole.kept.count, "another count")
  guard whole.recorder.isComplete else { return }
  guard let plain = withoutProgress(stream) else {
    throw FuzzFinding(description: "complete, but no answer")
  }
  try require(plain == whole.kept, "other bytes than the plain reader's")
  let replayed = record(plain, inPiecesOf: plain.count)
  try require(replayed.recorder.isComplete && replayed.kept == plain, "what was kept is no answer")
}

private func record(_ stream: [UInt8], inPiecesOf size: Int) -> (recorder: FetchAnswerRecorder, kept: [UInt8]) {
  var recorder = FetchAnswerRecorder()
  var kept: [UInt8] = []
  for position in stride(from: 0, to: stream.count, by: size) {
    withBlock(stream[position..<min(stream.count, position + size)]) { block in
      recorder.advance(over: block) { kept += $0 }
    }
  }
  recorder.finish()
  return (recorder, kept)
}

/// The answer without its packets of band 2, read in the plainest way; nil for what has not come to the end of a pack.
private func withoutProgress(_ stream: [UInt8]) -> [UInt8]? {
  var output: [UInt8] = []
  var reader = PktLineReader(stream)
  var isInPack = false
  var beginsSection = true
  while let packet = try? reader.next() {
    switch packet {
    case .delimiter where !isInPack:
      output += PktLine.delimiter
      beginsSection = true
    case .flush where isInPack: return reader.rest.isEmpty ? output + PktLine.flush : nil
    case .data(let line) where !isInPack:
      output += stream[(line.startIndex - PktLine.prefixBytes)..<line.endIndex]
      let text = String(decoding: line, as: UTF8.self)
      if text.hasPrefix("ERR ") { return nil }
      isInPack = beginsSection && (text == "packfile" || text == "packfile\n")
      beginsSection = false
    case .data(let payload) where payload.first == Sideband.data.rawValue:
      output += stream[(payload.startIndex - PktLine.prefixBytes)..<payload.endIndex]
    case .data(let payload) where payload.first == Sideband.progress.rawValue: break
    case .flush, .delimiter, .responseEnd, .data: return nil
    }
  }
  return nil
}
