import Gateway
import GatewayTestSupport
import Glibc
import Testing

/// Never a byte that the upstream would have refused.
@Suite(.timeLimit(.minutes(3))) struct PackSafetyTests {
  private static let want = GitOperation.id
  private static let other = String(repeating: "b", count: 40)
  private static let request = GitOperation.fetch([want], ["no-progress", "done"])
  private let answer = HandmadePack(50_000).answer

  private func service() -> PackUpstream {
    let service = PackUpstream()
    service.set(refs: [Self.want])
    service.set(answer: answer)
    return service
  }

  @Test func `a request for one repo gets nothing of another`() async throws {
    let service = service()
    service.set(refs: [Self.other], of: "b")
    try await SharingGateway.with(service) { test async throws in
      try await test.store(Self.request)
      let replay = GitOperation.fetch([Self.want], ["no-progress", "done"], of: "b")
      for _ in 0..<3 {
        let answer = try await test.ask(replay)
        #expect(answer.fetched?.refusal == "ERR upload-pack: not our ref")
        #expect(answer.outcome == "miss")
      }
    }
  }

  @Test func `a request for one repo does not join the flight of another`() async throws {
    let service = service()
    let gate = Gate()
    let answer = answer
    service.onFetch { _, request in
      request.target.contains("/demo.git/") ? PackUpstream.result(answer, stoppingAfter: 10_000, gate) : nil
    }
    try await SharingGateway.with(service) { test async throws in
      let leader = try await test.begin(Self.request)
      #expect(try await leader.begin() == 200)
      let replay = GitOperation.fetch([Self.want], ["no-progress", "done"], of: "b")
      #expect(try await test.ask(replay).fetched?.refusal == "ERR upload-pack: not our ref")
      gate.open()
      #expect(try await same(leader.body(atLeast: .max), answer))
      await leader.close()
    }
  }

  @Test func `once the upstream lets the gateway in no more nothing is served`() async throws {
    let service = service()
    let isClosed = Counter()
    let refuse: PackUpstream.Special = { _, _ in
      isClosed.value > 0 ? .response(403, text: "Invalid or expired token") : nil
    }
    service.onQuestion(refuse)
    service.onFetch(refuse)
    try await SharingGateway.with(service) { test async throws in
      try await test.store(Self.request)
      #expect(try await test.ask(Self.request).outcome == "hit")
      isClosed.next()
      for _ in 0..<3 {
        let answer = try await test.ask(Self.request)
        #expect(answer.fetched?.refusal?.contains("refused the token") == true, "\(answer)")
      }
    }
  }

  @Test func `once the repo is gone nothing is served`() async throws {
    let service = service()
    let isGone = Counter()
    let refuse: PackUpstream.Special = { _, _ in
      isGone.value > 0 ? .response(404, text: "404 Not Found") : nil
    }
    service.onQuestion(refuse)
    service.onFetch(refuse)
    try await SharingGateway.with(service) { test async throws in
      try await test.store(Self.request)
      isGone.next()
      #expect(try await test.ask(Self.request).fetched?.refusal != nil)
    }
  }

  @Test func `with no grace a want that is advertised no more is asked of the upstream`() async throws {
    let service = service()
    try await SharingGateway.with(service, configure: { $0.cacheGrace = .zero }) { test async throws in
      try await test.store(Self.request)
      service.set(refs: [Self.other])
      service.set(answer: PktLines.line("ERR upload-pack: not our ref"))
      for _ in 0..<3 {
        #expect(try await test.ask(Self.request).fetched?.refusal == "ERR upload-pack: not our ref")
      }
      // Advertised again, it is served again, and the upstream need not make the pack.
      service.set(refs: [Self.other, Self.want])
      let before = service.fetchCount
      let again = try await test.ask(Self.request)
      #expect(same(again.body, answer))
      #expect(service.fetchCount == before)
    }
  }

  @Test func `within its grace a want that is advertised no more is served, once the upstream was asked`() async throws
  {
    let service = service()
    try await SharingGateway.with(service, configure: { $0.cacheGrace = .seconds(600) }) { test async throws in
      try await test.store(Self.request)
      service.set(refs: [Self.other])
      let (questions, fetches) = (service.questionCount, service.fetchCount)
      #expect(try await same(test.ask(Self.request).body, answer))
      #expect(service.questionCount == questions + 1)
      #expect(service.fetchCount == fetches)
    }
  }

  @Test func `of several wants one that is advertised no more is enough to ask`() async throws {
    let service = service()
    service.set(refs: [Self.want, Self.other])
    let request = GitOperation.fetch([Self.want, Self.other], ["no-progress", "done"])
    try await SharingGateway.with(service, configure: { $0.cacheGrace = .zero }) { test async throws in
      try await test.store(request)
      service.set(refs: [Self.want])
      service.set(answer: PktLines.line("ERR upload-pack: not our ref"))
      #expect(try await test.ask(request).fetched?.refusal == "ERR upload-pack: not our ref")
    }
  }

  @Test func `a flight is not joined once its want is advertised no more`() async throws {
    let service = service()
    let gate = Gate()
    let answer = answer
    service.onFetch { number, _ in number == 0 ? PackUpstream.result(answer, stoppingAfter: 10_000, gate) : nil }
    service.set(answer: PktLines.line("ERR upload-pack: not our ref"))
    try await SharingGateway.with(service, configure: { $0.cacheGrace = .zero }) { test async throws in
      let leader = try await test.begin(Self.request)
      #expect(try await leader.begin() == 200)
      service.set(refs: [Self.other])
      #expect(try await test.ask(Self.request).fetched?.refusal == "ERR upload-pack: not our ref")
      gate.open()
      #expect(try await same(leader.body(atLeast: .max), answer))
      await leader.close()
    }
  }

  /// A repo that was made anew by another hand: its old tokens are refused, and the same name is another id.
  @Test func `a repo that was made anew shares nothing with the old one, within any grace`() async throws {
    let service = service()
    let api = ScriptedAPI()
    let isNew = Counter()
    let refuse: PackUpstream.Special = { _, request in
      let isOld = request.authorization == api.mints.first.map { "Bearer \($0.secret)" }
      return isNew.value > 0 && isOld ? .response(403, text: "Invalid or expired token") : nil
    }
    service.onQuestion(refuse)
    service.onFetch(refuse)
    try await SharingGateway.with(service, api: api) { test async throws in
      try await test.store(Self.request)
      api.onLookUp { _ in
        ScriptedAPI.success(#"{"id":"id-of-the-new-one","name":"demo","remote":"\#(api.remote(of: "demo"))"}"#)
      }
      service.set(refs: [Self.other])
      service.set(answer: PktLines.line("ERR upload-pack: not our ref"))
      isNew.next()
      for _ in 0..<3 {
        #expect(try await test.ask(Self.request).fetched?.refusal == "ERR upload-pack: not our ref")
      }
    }
  }

  @Test func `a byte that was flipped on the disk costs one fetch and nothing else`() async throws {
    let service = service()
    let pipe = try LogPipe()
    try await SharingGateway.with(service, log: pipe.sink) { test async throws in
      try await test.store(Self.request)
      let path = try #require(try packFiles(in: test.folder + "/packs").first)
      let file = open(path, O_RDWR | O_CLOEXEC)
      defer { close(file) }
      var byte: UInt8 = 0
      #expect(pread(file, &byte, 1, 25_000) == 1)
      byte ^= 1
      #expect(pwrite(file, &byte, 1, 25_000) == 1)
      let before = service.fetchCount
      #expect(try await same(test.ask(Self.request).body, answer))
      #expect(service.fetchCount == before + 1)
      #expect(try await test.figures()["damaged"] == 1)
      // It is stored anew.
      #expect(try await test.figures { $0.entries == 1 }.entries == 1)
      #expect(try await same(test.ask(Self.request).body, answer))
      #expect(service.fetchCount == before + 1)
    }
    let log = await pipe.finish()
    #expect(log.split(separator: "\n").filter { $0.contains("a bad entry is removed") }.count == 1)
  }
}

/// Paths of the packs in a directory.
func packFiles(in directory: String) throws -> [String] {
  guard let stream = opendir(directory) else { throw TestFailure("opendir: \(errno)") }
  defer { closedir(stream) }
  var paths: [String] = []
  while let entry = readdir(stream) {
    // The name belongs to the stream until the next call; it is copied here.
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if !name.hasPrefix(".") { paths.append("\(directory)/\(name)") }
  }
  return paths.sorted()
}
