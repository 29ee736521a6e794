import FoundationEssentials
import Gateway
import GatewayTestSupport
import Glibc
import Testing

/// Whatever becomes of the place for packs, requests are answered as if there were none.
@Suite(.timeLimit(.minutes(3))) struct CacheFailureTests {
  private static let request = GitOperation.fetch([GitOperation.id], ["no-progress", "done"])

  private static func service(_ answer: [UInt8]) -> PackUpstream {
    let service = PackUpstream()
    service.set(refs: [GitOperation.id])
    service.set(answer: answer)
    return service
  }

  enum Loss: String, CaseIterable, Sendable {
    case removed, replacedByFile, openToOthers

    func happen(to directory: String) throws {
      switch self {
      case .removed: try FileManager.default.removeItem(atPath: directory)
      case .replacedByFile:
        try FileManager.default.removeItem(atPath: directory)
        try write("no directory", to: directory)
      case .openToOthers:
        try FileManager.default.removeItem(atPath: directory)
        #expect(mkdir(directory, 0o700) == 0)
        #expect(chmod(directory, 0o777) == 0)
      }
    }
  }

  @Test(arguments: Loss.allCases)
  func `a directory that is lost costs fetches, and is told once`(loss: Loss) async throws {
    // More than is held in memory alone.
    let answer = HandmadePack(12 << 20).answer
    let pipe = try LogPipe()
    try await SharingGateway.with(Self.service(answer), log: pipe.sink) { test async throws in
      try await test.store(Self.request)
      try loss.happen(to: test.folder + "/packs")
      for depth in 1...3 {
        let request = GitOperation.fetch([GitOperation.id], ["deepen \(depth)", "no-progress", "done"])
        for _ in 0..<3 { #expect(try await same(test.ask(request).body, answer)) }
        // Several at once.
        try await withThrowingTaskGroup(of: [UInt8].self) { group in
          for _ in 0..<5 { group.addTask { try await test.ask(request).body } }
          for try await body in group { #expect(same(body, answer)) }
        }
      }
      #expect(try await same(test.ask(Self.request).body, answer))
    }
    let log = await pipe.finish()
    let told = log.split(separator: "\n").filter { $0.contains("\"pack cache\"") && $0.contains("\"warning\"") }
    #expect(loss == .removed ? told.count <= 1 : told.count == 1, "\(told.joined(separator: "\n"))")
  }

  @Test func `a place that will not do at the start is told once, and all passes through`() async throws {
    let answer = HandmadePack(50_000).answer
    let pipe = try LogPipe()
    try await SharingGateway.with(
      Self.service(answer), log: pipe.sink, configure: { $0.cacheDirectory = "/dev/null/packs" }
    ) { test async throws in
      for round in 1...3 {
        let answered = try await test.ask(Self.request)
        #expect(same(answered.body, answer))
        #expect(answered.outcome == nil)
        #expect(test.service.fetchCount == round)
      }
      #expect(try await !test.figures().isEnabled)
    }
    let log = await pipe.finish()
    #expect(log.split(separator: "\n").filter { $0.contains("packs are not cached") }.count == 1)
  }

  @Test func `switched off, each fetch is asked of the upstream and nothing is written`() async throws {
    let pack = HandmadePack(50_000)
    try await SharingGateway.with(Self.service(pack.answerWithProgress), configure: { $0.cacheSize = 0 }) {
      test async throws in
      for round in 1...3 {
        let answered = try await test.ask(Self.request)
        #expect(same(answered.body, pack.answerWithProgress))
        #expect(answered.outcome == nil)
        #expect(test.service.fetchCount == round)
      }
      #expect(try await !test.figures().isEnabled)
      let purged = try await test.ask(HTTPRequest("DELETE", "/api/v1/cache"))
      #expect(purged.status == 200)
      #expect(access(test.folder + "/packs", F_OK) != 0)
    }
  }

  @Test func `a disk that takes no more costs fetches and nothing else`() async throws {
    try await withTemporaryFolder { folder async throws in
      await #expect(processExitsWith: .success) { [folder = folder as String] () async throws in
        try await Self.shareWithoutRoom(in: folder)
      }
      #expect(try packFiles(in: folder + "/packs") == [])
    }
  }

  /// Runs in a process of its own, since the limit is the whole process's.
  private static func shareWithoutRoom(in folder: String) async throws {
    _ = signal(SIGXFSZ, SIG_IGN)
    var most = rlimit(rlim_cur: 1 << 20, rlim_max: 1 << 20)
    #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &most) == 0)
    let answer = HandmadePack(20 << 20).answer
    let gate = Gate()
    let service = service(answer)
    service.onFetch { number, _ in number == 0 ? PackUpstream.result(answer, stoppingAfter: 100_000, gate) : nil }
    try await SharingGateway.with(service, configure: { $0.cacheDirectory = folder + "/packs" }) { test async throws in
      let leader = try await test.begin(request)
      #expect(try await leader.begin() == 200)
      var followers: [HTTPConnection] = []
      for _ in 0..<4 {
        followers.append(try await test.begin(request))
        #expect(try await followers.last?.begin() == 200)
      }
      gate.open()
      try await withThrowingTaskGroup(of: [UInt8].self) { group in
        for client in [leader] + followers { group.addTask { try await client.body(atLeast: .max) } }
        for try await body in group { #expect(same(body, answer)) }
      }
      for client in [leader] + followers { await client.close() }
      for _ in 0..<3 { #expect(try await same(test.ask(request).body, answer)) }
      #expect(try await test.figures().entries == 0)
    }
  }
}
