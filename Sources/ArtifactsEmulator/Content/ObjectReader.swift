import EventLoop
import HTTPCore
import HTTPTransport

/// Reads the objects of one repository for one request, each time by a git of its own, which dies when the client
/// leaves. Confined to the request's loop.
struct ObjectReader {
  /// What is held in memory at once. Blobs are not: they pass through.
  static let memoryLimit = 32 << 20

  let directory: String
  let exchange: Exchange

  /// The objects of these names, in order; nil for what is not there.
  func look(_ names: [String]) async throws -> [GitObject?] {
    if names.isEmpty { return [] }
    // NUL between names: paths may hold newlines.
    let input = Self.list(names, separatedBy: 0)
    let lines = try await output(["cat-file", "--batch-check", "-z"], given: input).split(separator: 10)
    // A name with a newline that is not there comes back on several lines; the answers are then not to be told apart.
    guard lines.count == names.count else { return names.map { _ in nil } }
    return lines.map { GitObject($0) }
  }

  /// The first of these names that there is.
  func first(_ names: [String]) async throws -> GitObject? {
    for object in try await look(names) { if let object { return object } }
    return nil
  }

  /// The commits of these hashes, all of which must be there.
  func commits(_ hashes: [String]) async throws -> [Commit] {
    let input = Self.list(hashes, separatedBy: 10)
    guard let found = GitObject.parse(try await output(["cat-file", "--batch"], given: input)) else {
      throw APIFault.corrupt
    }
    return found.map { Commit(hash: $0.object.hash, $0.content) }
  }

  private static func list(_ names: [String], separatedBy end: UInt8) -> [UInt8] {
    var bytes: [UInt8] = []
    for name in names {
      bytes += name.utf8
      bytes.append(end)
    }
    return bytes
  }

  /// What a git command printed. Throws 10402 when that is beyond the limit.
  func output(_ arguments: [String], given input: [UInt8] = []) async throws -> [UInt8] {
    let command = GitCommand.plumbing(arguments, in: directory)
    let started = try GitProcess.collect(command, keeping: Self.memoryLimit + 1, on: exchange.loop)
    let process = started.process
    defer { process.cancel() }
    exchange.onClientGone = { process.cancel() }
    let reading = started.output
    let channel = try Channel(started.input, on: exchange.loop)
    do {
      defer { channel.close() }
      _ = try await channel.send(input)
    }
    let output = try await reading.value
    let ending = try await process.ending()
    guard ending.isSuccess else { throw GitFailure(description: "git \(arguments[0]): \(ending)") }
    guard output.count <= Self.memoryLimit else { throw APIFault.memoryLimit }
    return output
  }

  /// Answers with the bytes of a blob, of which no more than a block is held. `fields` sees the first of them.
  func send(_ blob: GitObject, _ fields: (UnsafeRawBufferPointer) -> Fields) async throws {
    let command = GitCommand.plumbing(["cat-file", "blob", blob.hash], in: directory)
    let loop = exchange.loop
    let started = try GitProcess.stream(command, on: loop)
    let process = started.process
    defer { process.cancel() }
    exchange.onClientGone = { process.cancel() }
    let output = try Channel(started.output, on: loop)
    defer { output.close() }
    let block = loop.buffers.take()
    defer { loop.buffers.give(block) }
    // A first block as full as can be: its beginning decides the content type.
    var filled = 0
    while filled < min(ContentType.window, block.count, blob.size),
      let bytes = try await output.next(into: UnsafeMutableRawBufferPointer(rebasing: block[filled...]))
    {
      filled += bytes.count
    }
    let beginning = UnsafeRawBufferPointer(rebasing: block[..<filled])
    guard filled > 0 || blob.size == 0 else {
      throw GitFailure(description: "git cat-file: \(try await process.ending())")
    }
    try await exchange.start(status: 200, fields: fields(beginning), length: blob.size)
    if filled > 0 { try await exchange.write(beginning) }
    var left = blob.size - filled
    while left > 0, let bytes = try await output.next(into: block) {
      try await exchange.write(UnsafeRawBufferPointer(rebasing: bytes.prefix(left)))
      left -= bytes.count
    }
    // The client was promised more: only a cut connection tells that it does not come.
    guard left <= 0 else { throw GitFailure(description: "git cat-file: \(try await process.ending())") }
    try await exchange.finish()
  }
}
