import EventLoop
import GitProtocol
import HTTPCore
import HTTPTransport

extension GitEndpoint {
  private static let reportLimit = 16 << 20

  func push(to repo: RepoRecord, _ coding: BodyCoding, _ exchange: Exchange) async throws {
    var scanner = try PushScanner()
    let command = GitCommand.serve(.receivePack, in: store.gitDirectory(of: repo), protocolText: nil)
    let loop = exchange.loop
    // The output is read beside the writing: progress comes before the pack has ended.
    let started = try GitProcess.collect(command, keeping: Self.reportLimit + 1, on: loop)
    let process = started.process
    defer { process.cancel() }
    exchange.onClientGone = { process.cancel() }
    let reading = started.output
    let input = try Channel(started.input, on: loop)
    defer { input.close() }
    do {
      try await pour(exchange, coding, into: input, &scanner)
    } catch is InflateError {
      return try await exchange.respond(status: 400, text: "Damaged gzip body")
    }
    // git has not had the end of the pack, so nothing of it is kept.
    switch scanner.verdict {
    case .fine: break
    case .failing: return try await fail(exchange, command, "an object above 32 MB, or bytes behind the pack")
    case .tooLarge: return try await exchange.respond(status: 413, text: "Payload too large")
    }
    input.close()
    let report = try await reading.value
    let ending = try await process.ending()
    guard report.count <= Self.reportLimit, !report.isEmpty || ending.isSuccess else {
      return try await fail(exchange, command, "\(ending)")
    }
    let fields = Fields([(.contentType, Service.receivePack.resultContentType), (.cacheControl, "no-cache")])
    try await exchange.respond(status: 200, fields: fields, body: PushReport.reword(report))
  }

  /// Copies the request's body to git as it comes, unless the service would refuse it. A git that stops reading has its
  /// reason, which its report tells; the rest of the body is read all the same, so that the client gets to the reply.
  private func pour(_ exchange: Exchange, _ coding: BodyCoding, into input: Channel, _ scanner: inout PushScanner)
    async throws
  {
    let inflate = coding == .gzip ? try Inflate(limit: .max) : nil
    var isTaken = true
    while let bytes = try await exchange.nextBodyChunk() {
      guard isTaken else { continue }
      guard let inflate else {
        let count = scanner.scan(bytes)
        if scanner.verdict == .tooLarge { return }
        guard scanner.verdict == .fine else { continue }
        isTaken = try await input.send(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        continue
      }
      // Small pieces: each may inflate to a thousand times its size.
      for start in stride(from: 0, to: bytes.count, by: 4096) {
        var inflated: [UInt8] = []
        try inflate.feed(
          UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + 4096, bytes.count)]), into: &inflated)
        let count = inflated.withUnsafeBytes { scanner.scan($0) }
        if scanner.verdict == .tooLarge { return }
        inflated.removeLast(inflated.count - count)
        if isTaken, scanner.verdict == .fine { isTaken = try await input.send(inflated) }
      }
    }
    try inflate?.finish()
    if isTaken, scanner.verdict == .fine { _ = try await input.send(scanner.held) }
  }
}
