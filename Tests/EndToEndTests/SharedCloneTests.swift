import Gateway
import GatewayTestSupport
import GitProtocol
import TLS
import Testing

/// The real git, whose packs come from the upstream, from flights and from the disk.
@Suite(.enabled(if: Git.isThere), .timeLimit(.minutes(5))) struct SharedCloneTests {
  private func with(
    _ configure: (inout GatewayConfiguration) -> Void = { _ in }, _ body: (EmulatorGateway) async throws -> Void
  )
    async throws
  {
    try await withTemporaryFolder { folder in
      try await EmulatorGateway.with(
        configure: {
          $0.cacheDirectory = folder + "/packs"
          $0.advertisementLife = .seconds(60)
          configure(&$0)
        }, body)
    }
  }

  /// Makes a repo with some commits, branches and tags, and gives its URL.
  private func seeded(_ test: EmulatorGateway, commits: Int = 12) async throws -> String {
    try await test.createRepo("demo")
    try await test.git.workTree("work")
    for number in 0..<commits {
      try await test.git.commit(randomBytes(20_000), to: "file\(number % 5)", in: "work")
      if number % 4 == 0 { try await test.git("-C", "work", "branch", "side\(number)") }
    }
    try await test.git("-C", "work", "tag", "-a", "-m", "first", "v1")
    try await test.git("-C", "work", "push", "-q", test.url("demo"), "--all")
    try await test.git("-C", "work", "push", "-q", test.url("demo"), "--tags")
    return test.url("demo")
  }

  private func figures(_ test: EmulatorGateway) async throws -> JSONTree {
    try JSONTree(parsing: try await test.ask(HTTPRequest("GET", "/api/v1/cache")).body)
  }

  /// The ids of all objects that a repository has, sorted.
  private func objects(in work: String, _ git: Git) async throws -> [String] {
    try await git("-C", work, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
      .split(separator: "\n").map(String.init).sorted()
  }

  @Test(arguments: [
    [], ["--depth", "1"], ["--depth", "3", "--no-single-branch"], ["--filter=blob:none", "--bare"],
    ["--single-branch", "--branch", "side4"], ["--mirror"], ["--no-tags"],
    ["--shallow-since=2000-01-01T00:00:00Z"],
  ])
  func `clones of every kind are the same from the upstream and from the cache`(options: [String]) async throws {
    try await with { test in
      let url = try await seeded(test)
      for number in 0..<4 {
        try await test.git(["clone", "-q"] + options + [url, "copy\(number)"])
        if !options.contains(where: { $0.hasPrefix("--filter") }) { try await test.git.check("copy\(number)") }
      }
      let first = try await objects(in: "copy0", test.git)
      let refs = try await test.git.refs(in: "copy0")
      #expect(!first.isEmpty && !refs.isEmpty)
      for number in 1..<4 {
        #expect(try await objects(in: "copy\(number)", test.git) == first)
        #expect(try await test.git.refs(in: "copy\(number)") == refs)
      }
      let figures = try await figures(test)
      #expect(figures["misses"].number == 1)
      #expect(figures["hits"].number == 3)
    }
  }

  @Test func `fetches of what is new are the same from the upstream and from the cache`() async throws {
    try await with { test in
      let url = try await seeded(test)
      for number in 0..<4 { try await test.git("clone", "-q", url, "copy\(number)") }
      for round in 0..<3 {
        try await test.git.commit(randomBytes(30_000), to: "new\(round)", in: "work")
        try await test.git("-C", "work", "push", "-q", url, "main")
        let head = try await test.git("-C", "work", "rev-parse", "main")
        for number in 0..<4 {
          try await test.git("-C", "copy\(number)", "pull", "-q")
          try await test.git.check("copy\(number)")
          #expect(try await test.git("-C", "copy\(number)", "rev-parse", "HEAD") == head)
        }
      }
      #expect(try await figures(test)["hits"].number ?? 0 >= 9)
    }
  }

  @Test func `a shallow clone can be deepened, and a partial one filled, from the cache`() async throws {
    try await with { test in
      let url = try await seeded(test)
      for number in 0..<3 {
        try await test.git("clone", "-q", "--depth", "1", url, "copy\(number)")
        try await test.git("-C", "copy\(number)", "fetch", "-q", "--depth", "3")
        try await test.git("-C", "copy\(number)", "fetch", "-q", "--unshallow")
        try await test.git.check("copy\(number)")
        try await test.git("clone", "-q", "--filter=blob:none", url, "part\(number)")
        #expect(try await test.git("-C", "part\(number)", "status", "--porcelain").isEmpty)
        try await test.git("-C", "part\(number)", "checkout", "-q", "side4")
      }
      let figures = try await figures(test)
      #expect(figures["hits"].number ?? 0 >= 10, "\(figures)")
    }
  }

  @Test func `git shows where a pack came from, unless it is told to be quiet`() async throws {
    try await with { test in
      let url = try await seeded(test, commits: 2)
      try await test.git("clone", "-q", url, "copy0")
      let told = try await test.git.attempt(["clone", "--progress", url, "copy1"])
      #expect(told.isSuccess && told.text.contains("remote: artifacts-gateway: from cache, "), "\(told.text)")
      let quiet = try await test.git.attempt(["clone", "-q", url, "copy2"])
      #expect(quiet.isSuccess && quiet.text.isEmpty, "\(quiet.text)")
    }
  }

  @Test func `forty clones at once are all good and cost few packs`() async throws {
    try await with { test in
      let url = try await seeded(test)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<40 {
          if number >= 8 { try await group.next() }
          group.addTask {
            try await test.git("clone", "-q", url, "copy\(number)")
            try await test.git.check("copy\(number)")
          }
        }
        try await group.waitForAll()
      }
      #expect(try await figures(test)["misses"].number == 1)
      #expect(await test.gateway.mintCount <= 2)
    }
  }

  @Test func `clients that ask while others push never see a ref older than their question`() async throws {
    try await with { test in
      let url = try await seeded(test, commits: 1)
      // What was pushed is known by its number, and told before the next push begins.
      let numbers = Numbers()
      await numbers.add(try await head(of: "work", test.git))
      try await withThrowingTaskGroup(of: Void.self) { group in
        let done = Gate()
        for _ in 0..<50 {
          group.addTask {
            repeat {
              let least = await numbers.last
              let answer = try await test.ask(GitOperation.lsRefs(["ref-prefix refs/heads/main"]))
              let id = PktLines.packets(answer.body)?.first.map { String(decoding: $0.prefix(40), as: UTF8.self) }
              let seen = await numbers.number(of: id ?? "")
              // One that is not known was pushed a moment ago.
              #expect(seen ?? .max >= least)
              #expect(id?.count == 40, "\(answer)")
            } while await !numbers.isOver
          }
        }
        for number in 1...15 {
          try await test.git.commit("\(number)", to: "counter", in: "work")
          try await test.git("-C", "work", "push", "-q", url, "main")
          await numbers.add(try await head(of: "work", test.git))
        }
        await numbers.end()
        done.open()
        try await group.waitForAll()
      }
    }
  }

  private func head(of work: String, _ git: Git) async throws -> String {
    String(try await git("-C", work, "rev-parse", "main").prefix(40))
  }

  private actor Numbers {
    private var ids: [String] = []
    private(set) var isOver = false

    var last: Int { ids.count - 1 }
    func add(_ id: String) { ids.append(id) }
    func number(of id: String) -> Int? { ids.firstIndex(of: id) }
    func end() { isOver = true }
  }

  // MARK: What is gone

  private func fetch(_ id: String) -> HTTPRequest { GitOperation.fetch([id], ["no-progress", "done"]) }

  private func refusal(_ answer: HTTPAnswer) -> String? {
    PktLines.packets(answer.body)?.first.map { String(decoding: $0, as: UTF8.self) }.flatMap {
      $0.hasPrefix("ERR ") ? $0 : nil
    }
  }

  enum Hand: CaseIterable, Sendable {
    case gateway, another
  }

  /// Deletes the repo and makes one of the same name with another history.
  private func replace(_ test: EmulatorGateway, by hand: Hand) async throws {
    switch hand {
    case .gateway:
      #expect(try await test.ask(HTTPRequest("DELETE", "/api/v1/repos/demo")).status == 202)
      try await test.createRepo("demo")
    case .another:
      #expect(try await test.askService("DELETE", "/namespaces/default/repos/demo").status == 202)
      #expect(try await test.askService("POST", "/namespaces/default/repos", #"{"name":"demo"}"#).status < 300)
    }
    try await test.git.workTree("new")
    try await test.git.commit("of another history", to: "other", in: "new")
    try await test.git("-C", "new", "push", "-q", test.url("demo"), "main")
  }

  @Test(arguments: Hand.allCases)
  func `a repo that was deleted and made anew gives nothing of the old one`(hand: Hand) async throws {
    try await with { test in
      let url = try await seeded(test, commits: 3)
      let old = try await head(of: "work", test.git)
      for _ in 0..<3 { #expect(refusal(try await test.ask(fetch(old))) == nil) }
      try await replace(test, by: hand)
      for _ in 0..<3 {
        let answer = try await test.ask(fetch(old))
        #expect(refusal(answer)?.contains("not our ref") == true, "\(answer.status) \(answer.body.count) bytes")
      }
      try await test.git("clone", "-q", url, "copy")
      #expect(try await head(of: "copy", test.git) == head(of: "new", test.git))
    }
  }

  @Test func `a branch that was forced back and one that was deleted are gone for who asks with no grace`() async throws
  {
    try await with({ $0.cacheGrace = .zero }) { test in
      let url = try await seeded(test)
      for number in 0..<2 { try await test.git("clone", "-q", url, "copy\(number)") }
      try await test.git("-C", "work", "reset", "-q", "--hard", "HEAD~5")
      try await test.git("-C", "work", "push", "-q", "--force", url, "main")
      try await test.git("-C", "work", "push", "-q", url, ":side8")
      for number in 2..<5 {
        try await test.git("clone", "-q", url, "copy\(number)")
        try await test.git.check("copy\(number)")
        #expect(try await head(of: "copy\(number)", test.git) == head(of: "work", test.git))
        #expect(try await !test.git.attempt(["-C", "copy\(number)", "rev-parse", "origin/side8"]).isSuccess)
      }
    }
  }

  @Test func `a repo that was deleted behind the gateway is gone`() async throws {
    try await with { test in
      let url = try await seeded(test, commits: 3)
      for number in 0..<2 { try await test.git("clone", "-q", url, "copy\(number)") }
      #expect(try await test.askService("DELETE", "/namespaces/default/repos/demo").status == 202)
      let outcome = try await test.git.attempt(["clone", "-q", url, "copy2"])
      #expect(!outcome.isSuccess)
    }
  }
}
