import ArtifactsEmulator
import Glibc
import Testing

@Suite struct DurabilityTests {
  /// Opens the store of `folder` for the length of `body`, so that the next one finds it closed.
  private func open<Result>(_ folder: String, _ clock: ManualClock, _ body: (TestService) async throws -> Result)
    async throws
    -> Result
  {
    try await body(try TestService(in: folder, clock: clock))
  }

  @Test func `a restart keeps namespaces, repos, tokens and what was deleted`() async throws {
    let clock = ManualClock()
    try await withTemporaryFolder { folder in
      let before = try await open(folder, clock) { service in
        _ = await service.ask("POST", "/namespaces", #"{"namespace":"empty","jurisdiction":"us"}"#)
        _ = await service.ask("POST", "/namespaces/demo/repos", #"{"name":"a","description":"x \"y\" é"}"#)
        _ = await service.ask("POST", "/namespaces/demo/repos", #"{"name":"b"}"#)
        _ = await service.ask("DELETE", "/namespaces/demo/repos/b")
        _ = await service.ask("POST", "/namespaces/demo/tokens", #"{"repo":"a","scope":"read"}"#)
        let id = await service.ask("GET", "/namespaces/demo/repos/a/tokens").ids[0]
        _ = await service.ask("DELETE", "/namespaces/demo/tokens/\(id)")
        return await answers(service)
      }
      let after = try await open(folder, clock) { await answers($0) }
      #expect(before == after)
    }
  }

  private func answers(_ service: TestService) async -> [String] {
    var texts: [String] = []
    for path in ["/namespaces", "/namespaces/demo/repos", "/namespaces/demo/repos/a/tokens?state=all"] {
      texts.append(await service.ask("GET", path).text)
    }
    texts.append(await service.ask("DELETE", "/namespaces/demo/repos/b").text)
    return texts
  }

  @Test func `creation times stay in order when the clock stands still or goes back`() async throws {
    let clock = ManualClock()
    try await withTemporaryFolder { folder in
      _ = try await open(folder, clock) { await $0.ask("POST", "/namespaces/demo/repos", #"{"name":"a"}"#) }
      clock.advance(seconds: -100)
      let names = try await open(folder, clock) { service in
        _ = await service.ask("POST", "/namespaces/demo/repos", #"{"name":"b"}"#)
        return await service.ask("GET", "/namespaces/demo/repos").names
      }
      #expect(names == ["b", "a"])
    }
  }

  @Test func `a second store on the same folder is refused`() async throws {
    try await TestService.with { service in
      let error = #expect(throws: StoreError.self) { _ = try Store(path: service.folder + "/data") }
      guard case .inUse(_, let holder)? = error else { throw TestFailure("\(String(describing: error))") }
      #expect(holder == " (process \(getpid()))")
      #expect(try #require(error).description.contains("in use by another process"))
    }
  }

  @Test func `a folder that cannot be made is an error`() async throws {
    try await withTemporaryFolder { folder in
      try write("not a folder", to: folder + "/data")
      #expect(throws: StoreError.self) { _ = try Store(path: folder + "/data") }
    }
  }

  @Test func `leftovers of a crash are swept`() async throws {
    let clock = ManualClock()
    try await withTemporaryFolder { folder in
      let git = try await open(folder, clock) { service in
        _ = await service.ask("POST", "/namespaces/demo/repos", #"{"name":"a"}"#)
        return service.store.gitDirectory(of: try await service.store.repo("a", in: "demo"))
      }
      let repos = folder + "/data/namespaces/demo/repos"
      let leftovers = [
        repos + "/.half-made", git + "/objects/tmp_objdir-incoming-x", git + "/refs/heads/topic",
      ]
      for path in leftovers { mkdir(path, 0o755) }
      mkdir(folder + "/data/namespaces/.gone", 0o755)
      try write("x", to: repos + "/.half-made/repo.json")
      try write("x", to: git + "/refs/heads/topic/main.lock")
      try write("x", to: git + "/HEAD.lock")
      try await open(folder, clock) { service in
        #expect(await service.ask("GET", "/namespaces/demo/repos").names == ["a"])
        #expect(await service.ask("GET", "/namespaces").items.count == 1)
        // The repository itself is looked at when it is first asked for.
        #expect(await service.ask("GET", "/namespaces/demo/repos/a").status == 200)
      }
      for path in [
        leftovers[0], leftovers[1], leftovers[2] + "/main.lock", git + "/HEAD.lock", folder + "/data/namespaces/.gone",
      ] {
        #expect(!exists(path), "\(path)")
      }
      #expect(try contents(of: git + "/HEAD") == "ref: refs/heads/main\n")
    }
  }

  @Test func `a torn last line of the token journal is dropped, and the next one is whole`() async throws {
    let clock = ManualClock()
    try await withTemporaryFolder { folder in
      let journal = try await open(folder, clock) { service in
        _ = await service.ask("POST", "/namespaces/demo/repos", #"{"name":"a"}"#)
        let git = service.store.gitDirectory(of: try await service.store.repo("a", in: "demo"))
        return git.dropLast(4) + "/tokens.jsonl"
      }
      try write(#"{"id":"torn","sec"#, to: String(journal), mode: "a")
      for expected in [2, 3] {
        try await open(folder, clock) { service in
          _ = await service.ask("POST", "/namespaces/demo/tokens", #"{"repo":"a"}"#)
          #expect(await service.ask("GET", "/namespaces/demo/repos/a/tokens").items.count == expected)
        }
      }
    }
  }

  @Test func `tokens that ended long ago are forgotten at a start`() async throws {
    let clock = ManualClock()
    try await withTemporaryFolder { folder in
      _ = try await open(folder, clock) { await $0.ask("POST", "/namespaces/demo/repos", #"{"name":"a"}"#) }
      clock.advance(seconds: 86_400 * 31)
      try await open(folder, clock) { service in
        #expect(await service.ask("GET", "/namespaces/demo/repos/a/tokens?state=all").items.isEmpty)
      }
    }
  }

  @Test func `a journal of tokens is written anew when most of it is over, not at a start`() async throws {
    let clock = ManualClock()
    try await withTemporaryFolder { folder in
      func lines() throws -> Int {
        let repos = folder + "/data/namespaces/demo/repos"
        return try contents(of: "\(repos)/\(try names(in: repos)[0])/tokens.jsonl").split(separator: "\n").count
      }
      func mint(_ service: TestService) async -> Int {
        await service.ask("POST", "/namespaces/demo/tokens", #"{"repo":"a","ttl":60}"#).status
      }
      try await open(folder, clock) { (service: TestService) async throws in
        _ = await service.ask("POST", "/namespaces/demo/repos", #"{"name":"a"}"#)
        for _ in 0..<100 { #expect(await mint(service) == 201) }
      }
      clock.advance(seconds: 86_400 * 32)
      try await open(folder, clock) { (service: TestService) async throws in
        #expect(try lines() == 101)
        #expect(await mint(service) == 201)
        #expect(try lines() == 1)
        for _ in 0..<5 { #expect(await mint(service) == 201) }
        #expect(try lines() == 6)
      }
      try await open(folder, clock) { service in
        #expect(await service.ask("GET", "/namespaces/demo/repos/a/tokens").items.count == 6)
      }
    }
  }

  private func names(in folder: String) throws -> [String] {
    guard let directory = opendir(folder) else { throw TestFailure("\(folder): \(errno)") }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }

  @Test func `damage is an error, not a smaller service`() async throws {
    let clock = ManualClock()
    try await withTemporaryFolder { folder in
      let git = try await open(folder, clock) { service in
        _ = await service.ask("POST", "/namespaces/demo/repos", #"{"name":"a"}"#)
        return service.store.gitDirectory(of: try await service.store.repo("a", in: "demo"))
      }
      try write("{", to: git.dropLast(4) + "/repo.json")
      let error = #expect(throws: StoreError.self) { _ = try Store(path: folder + "/data") }
      guard case .damaged(let path, _)? = error else { throw TestFailure("\(String(describing: error))") }
      #expect(path.hasSuffix("/repo.json"))
    }
  }

  @Test func `tokens are readable by their owner only`() async throws {
    try await TestService.with { service in
      _ = await service.ask("POST", "/namespaces/demo/repos", #"{"name":"a"}"#)
      let git = service.store.gitDirectory(of: try await service.store.repo("a", in: "demo"))
      var state = stat()
      stat(git.dropLast(4) + "/tokens.jsonl", &state)
      #expect(state.st_mode & 0o777 == 0o600)
      stat(service.folder + "/data", &state)
      #expect(state.st_mode & 0o777 == 0o700)
    }
  }
}
