import EventLoop
import GitProtocol
import HTTPCore
import HTTPTransport
import Logging

/// The data plane: git smart HTTP on the repos of a store. One for each loop.
final class GitEndpoint {
  private static let requestLimit = 32 << 20
  private static let protocolLimit = 64
  private static let done = Array("0009done\n".utf8)

  let store: Store
  private let upkeep: PackUpkeep
  private let access: GitAccess
  private let logger: Logger

  init(store: Store, upkeep: PackUpkeep, logger: Logger) {
    self.store = store
    self.upkeep = upkeep
    self.logger = logger
    access = GitAccess(store: store)
  }

  /// Answers one request. Throws when its client is gone, or git died in the middle of a reply.
  func handle(_ exchange: Exchange) async throws {
    guard let path = GitPath(exchange.request.path) else { return try await exchange.respondUnknown() }
    switch (exchange.request.method, path.route) {
    case (.get, .advertisement):
      let query = QueryParameters(exchange.request.query.map(String.init) ?? "")
      guard let service = query["service"].flatMap({ Service(wireName: $0) }) else {
        return try await exchange.respond(status: 403, text: "Only smart HTTP is supported")
      }
      guard let repo = try await admit(exchange, path, service) else { return }
      try await using(repo) { _ in try await advertise(service, of: repo, to: exchange) }
    case (.post, .service(let service)):
      guard let repo = try await admit(exchange, path, service) else { return }
      guard exchange.request.fields[.contentType] == service.requestContentType else {
        return try await exchange.respond(status: 415, text: "Expected \(service.requestContentType)")
      }
      guard let coding = BodyCoding(contentEncoding: exchange.request.fields[.contentEncoding]) else {
        return try await exchange.respond(status: 415, text: "Unsupported content encoding")
      }
      try await using(repo) { directory in
        switch service {
        case .uploadPack: try await fetch(from: repo, coding, exchange)
        case .receivePack:
          try await push(to: repo, coding, exchange)
          upkeep.pushed(to: directory)
        }
      }
    default: try await exchange.respondUnknown()
    }
  }

  /// Runs `body` as a user of the repo.
  private func using(_ repo: RepoRecord, _ body: (_ directory: String) async throws -> Void) async throws {
    let directory = store.gitDirectory(of: repo)
    let user = upkeep.enter(directory)
    defer { upkeep.leave(user, directory) }
    try await body(directory)
  }

  /// The repo, when the client may use the service on it; otherwise the client has had its answer.
  private func admit(_ exchange: Exchange, _ path: GitPath, _ service: Service) async throws -> RepoRecord? {
    let decision = await access.decide(
      namespace: path.namespace, repo: path.repo, service: service,
      authorization: exchange.request.fields[.authorization])
    switch decision {
    case .allowed(let repo): return repo
    case .refused(let refusal):
      try await exchange.respond(status: refusal.status, text: refusal.text, challenge: refusal.challenge)
      return nil
    }
  }

  /// What the client asks of the protocol, if it is short and plain enough to become an environment variable.
  private func protocolText(_ exchange: Exchange) -> String? {
    guard let text = exchange.request.fields[.gitProtocol], (1...Self.protocolLimit).contains(text.utf8.count),
      text.utf8.allSatisfy({ byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "="),
          UInt8(ascii: ":"), UInt8(ascii: "."), UInt8(ascii: "-"):
          true
        default: false
        }
      })
    else { return nil }
    return text
  }

  // MARK: Advertisement

  private func advertise(_ service: Service, of repo: RepoRecord, to exchange: Exchange) async throws {
    let version = ProtocolVersion(fieldValue: protocolText(exchange))
    let fields = Fields([(.contentType, service.advertisementContentType), (.cacheControl, "no-cache")])
    if service == .uploadPack, version == .v2 {
      return try await exchange.respond(status: 200, fields: fields, body: ServiceAdvertisement.version2)
    }
    let command = GitCommand.advertise(service, in: store.gitDirectory(of: repo))
    let started = try GitProcess.collect(command, keeping: Advertisement.maxBytes + 1, on: exchange.loop)
    let process = started.process
    defer { process.cancel() }
    exchange.onClientGone = { process.cancel() }
    let printed = try await started.output.value
    let ending = try await process.ending()
    guard ending.isSuccess else { return try await fail(exchange, command, "\(ending)") }
    let target = await store.headTarget(of: repo)
    let body: [UInt8]
    do throws(AdvertisementError) {
      body = try ServiceAdvertisement.rewrite(printed, service, version: version, headTarget: target)
    } catch {
      return try await fail(exchange, command, "unreadable advertisement: \(error)")
    }
    try await exchange.respond(status: 200, fields: fields, body: body)
  }

  // MARK: Fetch

  private func fetch(from repo: RepoRecord, _ coding: BodyCoding, _ exchange: Exchange) async throws {
    let body: [UInt8]
    do {
      body = try await wholeBody(exchange, coding)
    } catch TransportError.tooLong, InflateError.tooLarge {
      return try await exchange.respond(status: 413, text: "Request body too large")
    } catch is InflateError {
      return try await exchange.respond(status: 400, text: "Damaged gzip body")
    }
    if FetchFilter.isRefused(body) { return try await exchange.respond(status: 400, text: "Unsupported filter") }
    let command = GitCommand.serve(
      .uploadPack, in: store.gitDirectory(of: repo), protocolText: protocolText(exchange))
    let loop = exchange.loop
    let started = try GitProcess.stream(command, on: loop)
    let process = started.process
    defer { process.cancel() }
    exchange.onClientGone = { process.cancel() }
    let output = try Channel(started.output, on: loop)
    defer { output.close() }
    let input = try Channel(started.input, on: loop)
    // Beside the reading: git acknowledges while it reads, and would block on a full stream that nobody empties.
    let feeding = Task(executorPreference: loop) {
      defer { input.close() }
      return try await input.send(body)
    }
    let block = loop.buffers.take()
    defer { loop.buffers.give(block) }
    while let bytes = try await output.next(into: block) {
      if !exchange.hasStarted { try await begin(exchange, .uploadPack) }
      try await exchange.write(bytes)
    }
    let ending = try await process.ending()
    _ = try await feeding.value
    if exchange.hasStarted {
      // After an exit code git has told its error in the stream.
      if ending.isKilled { throw GitFailure(description: "git upload-pack: \(ending)") }
      if isBare(body, exchange) {
        block.copyBytes(from: PktLine.flush)
        try await exchange.write(UnsafeRawBufferPointer(rebasing: block[..<PktLine.flush.count]))
      }
      return try await exchange.finish()
    }
    guard ending.isSuccess else { return try await fail(exchange, command, "\(ending)") }
    try await begin(exchange, .uploadPack)
    try await exchange.finish()
  }

  /// Whether the answer is a pack without any side-band, behind which the service was seen to send a flush-pkt.
  private func isBare(_ body: [UInt8], _ exchange: Exchange) -> Bool {
    let version = ProtocolVersion(fieldValue: protocolText(exchange))
    guard version != .v2, body.suffix(Self.done.count).elementsEqual(Self.done),
      let request = try? UploadPackRequest.inspect(body, version: version, coding: .identity, isWholeBody: true).request
    else { return false }
    return request.sideband == .none
  }

  private func wholeBody(_ exchange: Exchange, _ coding: BodyCoding) async throws -> [UInt8] {
    let body = try await exchange.readBody(limit: Self.requestLimit)
    return switch coding {
    case .identity: body
    case .gzip: try Inflate.whole(body[...], limit: Self.requestLimit)
    }
  }

  private func begin(_ exchange: Exchange, _ service: Service) async throws {
    let fields = Fields([(.contentType, service.resultContentType), (.cacheControl, "no-cache")])
    try await exchange.start(status: 200, fields: fields, length: nil)
  }

  /// Answers that git failed.
  func fail(_ exchange: Exchange, _ command: GitCommand, _ reason: String) async throws {
    logger.error("git failed", metadata: ["arguments": "\(command.arguments.suffix(2))", "reason": "\(reason)"])
    try await exchange.respond(status: 500, text: "Internal error")
  }
}
