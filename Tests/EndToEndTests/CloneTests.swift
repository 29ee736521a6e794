import Gateway
import GatewayTestSupport
import Testing

@Suite(.enabled(if: Git.isThere), .timeLimit(.minutes(5))) struct CloneTests {
  @Test(arguments: [0, 1, 2])
  func `what is pushed is cloned, and fetched after another push`(version: Int) async throws {
    try await EmulatorGateway.with { test in
      var git = test.git
      git.variables = [
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "protocol.version", "GIT_CONFIG_VALUE_0": "\(version)",
      ]
      try await test.createRepo("demo")
      #expect(try await git("ls-remote", test.url("demo")) == "")
      try await git.workTree("work")
      try await git("-C", "work", "push", "-q", test.url("demo"), "main")
      try await git("clone", "-q", test.url("demo"), "copy")
      try await git.commit("more\n", to: "more.txt", in: "work")
      try await git("-C", "work", "push", "-q", test.url("demo"), "main")
      try await git("-C", "copy", "pull", "-q")
      #expect(try await git.refs(in: "copy", "refs/heads") == git.refs(of: test.url("demo")))
      #expect(try contents(of: "\(test.folder)/copy/more.txt") == "more\n")
      try await git.check("copy")
    }
  }

  @Test(arguments: [0, 2])
  func `a shallow clone has one commit, and can be deepened`(version: Int) async throws {
    try await EmulatorGateway.with { test in
      let git = test.git
      let url = try await test.seeded()
      for number in 1...5 { try await git.commit("\(number)\n", to: "n.txt", in: "work") }
      try await git("-C", "work", "push", "-q", url, "main")
      try await git("-c", "protocol.version=\(version)", "clone", "-q", "--depth", "1", url, "copy")
      #expect(try await git("-C", "copy", "rev-list", "--count", "HEAD") == "1\n")
      try await git("-c", "protocol.version=\(version)", "-C", "copy", "fetch", "-q", "--unshallow")
      #expect(try await git("-C", "copy", "rev-list", "--count", "HEAD") == "6\n")
      try await git.check("copy")
    }
  }

  @Test func `a partial clone fetches blobs when they are wanted`() async throws {
    try await EmulatorGateway.with { test in
      let git = test.git
      let url = try await test.seeded()
      try await git("clone", "-q", "--filter=blob:none", "--no-checkout", url, "copy")
      let missing = try await git("-C", "copy", "rev-list", "--objects", "--all", "--missing=print")
      #expect(missing.contains("?"))
      try await git("-C", "copy", "checkout", "-q", "main")
      #expect(try contents(of: "\(test.folder)/copy/README.md") == "# work\n")
      try await git.check("copy")
    }
  }

  @Test(arguments: [0, 2])
  func `a repo of two thousand refs is listed, cloned and fetched`(version: Int) async throws {
    try await EmulatorGateway.with { test in
      let git = test.git
      let url = try await test.seeded()
      let option = "protocol.version=\(version)"
      // Every ref its own commit, so that a fetch sends many wants and haves, which git compresses.
      let stream = (1...2000).map { number in
        "commit refs/heads/b\(number)\ncommitter Test <test@localhost> \(1_700_000_000 + number) +0000\ndata 2\nx\n\n"
      }.joined()
      try write(stream, to: test.folder + "/stream")
      try await git("-C", "work", "config", "alias.take", "!git fast-import --quiet < ../stream")
      try await git("-C", "work", "take")
      try await git("-C", "work", "push", "-q", url, "refs/heads/*:refs/heads/*")
      #expect(try await git.refs(of: url).count == 2001)
      try await git("-c", option, "clone", "-q", "--bare", url, "copy")
      #expect(try await git.refs(in: "copy", "refs/heads") == git.refs(of: url))
      try await git.commit("more\n", to: "more.txt", in: "work")
      try await git("-C", "work", "push", "-q", url, "main")
      try await git("-c", option, "-C", "copy", "fetch", "-q", url, "+refs/heads/*:refs/heads/*")
      #expect(try await git.refs(in: "copy", "refs/heads") == git.refs(of: url))
      try await git.check("copy")
    }
  }

  @Test func `twenty clones at once are all whole`() async throws {
    try await EmulatorGateway.with { test in
      let git = test.git
      let url = try await test.seeded()
      try await git.commit(randomBytes(2 << 20), to: "big.bin", in: "work")
      try await git("-C", "work", "push", "-q", url, "main")
      let refs = try await git.refs(of: url)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<20 {
          group.addTask {
            try await git("clone", "-q", url, "copy\(number)")
            let own = try await git.refs(in: "copy\(number)", "refs/heads")
            #expect(own == refs)
            try await git.check("copy\(number)")
          }
        }
        try await group.waitForAll()
      }
      #expect(await test.gateway.mintCount <= 2)
    }
  }
}
