import ArtifactsEmulator
import Glibc
import Testing

@Suite struct SmartHTTPTests {
  @Test(arguments: [0, 1, 2])
  func `what is pushed is cloned`(version: Int) async throws {
    try await RunningEmulator.with { server in
      let (remote, token) = try await server.createRepo("base")
      try await server.workTree("work")
      let option = ["-c", "protocol.version=\(version)"]
      try await server.git(option + ["-C", "work", "push", "-q", remote, "main"], token: token)
      try await server.git(option + ["clone", "-q", remote, "copy"], token: token)
      #expect(try contents(of: server.folder + "/copy/README.md") == "# work\n")
      // A second fetch negotiates: the clone has something already.
      try await server.git(["-C", "work", "commit", "-q", "--allow-empty", "-m", "second"])
      try await server.git(
        option + ["-C", "work", "push", "-q", remote, "main:main", "main:refs/notes/x"], token: token)
      try await server.git(option + ["-C", "copy", "pull", "-q"], token: token)
      #expect(try await server.git(["-C", "copy", "log", "--format=%s"]) == "second\nfirst\n")
      #expect(try await server.git(["ls-remote", remote], token: token).contains("refs/notes/x"))
    }
  }

  @Test(arguments: [0, 2])
  func `a shallow, a partial and a bare-id fetch work`(version: Int) async throws {
    try await RunningEmulator.with { server in
      let (remote, token) = try await server.createRepo("base")
      try await server.workTree("work")
      for number in 1...3 {
        try write("\(number)\n", to: server.folder + "/work/README.md")
        try await server.git(["-C", "work", "commit", "-q", "-a", "-m", "change \(number)"])
      }
      try await server.git(["-C", "work", "push", "-q", remote, "main"], token: token)
      let option = ["-c", "protocol.version=\(version)"]
      try await server.git(option + ["clone", "-q", "--depth", "1", remote, "shallow"], token: token)
      #expect(try await server.git(["-C", "shallow", "rev-list", "--count", "HEAD"]).trimmed == "1")
      let partial = try await server.git(
        option + ["clone", "-q", "--filter=blob:none", "--no-checkout", remote, "partial"], token: token)
      let missing = try await server.git(["-C", "partial", "rev-list", "--objects", "--all", "--missing=print"])
      #expect(missing.contains("?") == (version == 2))
      #expect(partial.contains("filtering not recognized") == (version == 0))
      let id = try await server.git(["-C", "work", "rev-parse", "main~2"]).trimmed
      try await server.git(["init", "-q", "bare-id"])
      try await server.git(option + ["-C", "bare-id", "fetch", "-q", "--depth=1", remote, id], token: token)
      #expect(try await server.git(["-C", "bare-id", "rev-parse", "FETCH_HEAD"]).trimmed == id)
    }
  }

  @Test func `a big push is chunked, and comes back whole`() async throws {
    try await RunningEmulator.with { server in
      let (remote, token) = try await server.createRepo("big")
      try await server.workTree("work")
      var random = SystemRandomNumberGenerator()
      let bytes = (0..<(1 << 20)).map { _ in UInt64.random(in: 0...UInt64.max, using: &random) }
      guard let file = fopen(server.folder + "/work/big.bin", "w") else { throw TestFailure("fopen") }
      #expect(fwrite(bytes, 8, bytes.count, file) == bytes.count)
      fclose(file)
      try await server.git(["-C", "work", "add", "."])
      try await server.git(["-C", "work", "commit", "-q", "-m", "big"])
      try await server.git(["-C", "work", "push", "-q", remote, "main"], token: token)
      try await server.git(["clone", "-q", remote, "copy"], token: token)
      let ids = try await server.git(["hash-object", "work/big.bin", "copy/big.bin"]).split(separator: "\n")
      #expect(ids.count == 2 && ids[0] == ids[1])
    }
  }

  @Test func `a fetch with many haves comes compressed`() async throws {
    try await RunningEmulator.with { server in
      let (remote, token) = try await server.createRepo("base")
      try await server.workTree("work")
      try await server.git(["-C", "work", "push", "-q", remote, "main"], token: token)
      try await server.git(["clone", "-q", remote, "copy"], token: token)
      for number in 1...40 {
        try await server.git(["-C", "copy", "commit", "-q", "--allow-empty", "-m", "local \(number)"])
      }
      try await server.git(["-C", "work", "commit", "-q", "--allow-empty", "-m", "second"])
      try await server.git(["-C", "work", "push", "-q", remote, "main"], token: token)
      for version in [0, 2] {
        try await server.git(["-C", "copy", "update-ref", "-d", "refs/remotes/origin/main"])
        try await server.git(["-c", "protocol.version=\(version)", "-C", "copy", "fetch", "-q"], token: token)
        #expect(try await server.git(["-C", "copy", "log", "-1", "--format=%s", "origin/main"]).trimmed == "second")
      }
    }
  }

  @Test func `every ref may be forced and deleted, also in a read-only repo`() async throws {
    try await RunningEmulator.with { server in
      let (remote, token) = try await server.createRepo("frozen", readOnly: true)
      try await server.workTree("work")
      try await server.git(["-C", "work", "push", "-q", remote, "main", "main:topic"], token: token)
      try await server.git(["-C", "work", "commit", "-q", "--amend", "-m", "other"])
      try await server.git(["-C", "work", "push", "-q", "--force", remote, "main", ":topic"], token: token)
      let refs = try await server.git(["ls-remote", "--heads", remote], token: token)
      #expect(!refs.contains("topic"))
      try await server.git(["-C", "work", "push", "-q", remote, ":main"], token: token)
      #expect(try await server.git(["ls-remote", remote], token: token) == "")
    }
  }

  @Test(arguments: ["report-status", "report-status side-band-64k"])
  func `a push on top of an older state is stale`(capabilities: String) async throws {
    try await RunningEmulator.with { server in
      let (remote, token) = try await server.createRepo("base")
      try await server.workTree("work")
      try await server.git(["-C", "work", "commit", "-q", "--allow-empty", "-m", "second"])
      try await server.git(["-C", "work", "push", "-q", remote, "main"], token: token)
      let old = try await server.git(["-C", "work", "rev-parse", "HEAD~1"]).trimmed
      let command = "\(old) \(String(repeating: "0", count: 40)) refs/heads/main\0\(capabilities)"
      let digits = String(command.utf8.count + 4, radix: 16)
      let body = String(repeating: "0", count: 4 - digits.count) + digits + command + "0000"
      let answer = try await server.ask(
        "POST", "/git/demo/base.git/git-receive-pack",
        ["Authorization: Bearer \(token)", "Content-Type: application/x-git-receive-pack-request"], Array(body.utf8))
      #expect(answer.status == 200)
      #expect(answer.text.contains("000eunpack ok\n0021ng refs/heads/main stale ref\n0000"), "\(answer)")
    }
  }

  @Test func `a clone without trees is refused`() async throws {
    try await RunningEmulator.with { server in
      let (remote, token) = try await server.createRepo("base")
      try await server.workTree("work")
      try await server.git(["-C", "work", "push", "-q", remote, "main"], token: token)
      let said = try await server.git(
        ["clone", "-q", "--no-checkout", "--filter=tree:0", remote, "copy"], token: token, failing: true)
      #expect(said.contains("400"))
    }
  }

  @Test func `what is not advertised is refused by the client`() async throws {
    try await RunningEmulator.with { server in
      let (remote, token) = try await server.createRepo("base")
      try await server.workTree("work")
      let push = ["-C", "work", "push", "-q", remote, "main"]
      let atomic = try await server.git(push + ["--atomic"], token: token, failing: true)
      #expect(atomic.contains("the receiving end does not support --atomic push"))
      let option = try await server.git(push + ["-o", "x"], token: token, failing: true)
      #expect(option.contains("the receiving end does not support push options"))
    }
  }

  @Test func `git shows why it was refused`() async throws {
    try await RunningEmulator.with { server in
      let (remote, _) = try await server.createRepo("base")
      let read = try await server.createToken("base", scope: "read")
      try await server.workTree("work")
      let push = try await server.git(["-C", "work", "push", remote, "main"], token: read, failing: true)
      #expect(push.contains("remote: Insufficient permissions"))
      #expect(push.contains("The requested URL returned error: 403"))
      let unknown = try await server.git(["ls-remote", remote], token: "art_v2_x_0", failing: true)
      #expect(unknown.contains("remote: Invalid or expired token"))
      let none = try await server.git(["ls-remote", remote], failing: true)
      #expect(none.contains("could not read Username"))
    }
  }

  @Test(arguments: [
    ("GET", "/git/demo/base/info/refs", 403), ("GET", "/git/demo/base/info/refs?service=git-upload-archive", 403),
    ("GET", "/git/demo/base/HEAD", 404), ("GET", "/git/demo/base/git-upload-pack", 404), ("GET", "/git/demo", 404),
    ("POST", "/git/demo/base/info/refs?service=git-upload-pack", 404), ("GET", "/git/demo/..%2F/info/refs", 404),
    ("POST", "/git/demo/base/git-upload-pack", 415), ("GET", "/elsewhere", 404), ("GET", "/", 404),
  ])
  func `other routes are refused`(method: String, target: String, status: Int) async throws {
    try await RunningEmulator.with { server in
      let (_, token) = try await server.createRepo("base")
      let answer = try await server.ask(method, target, ["Authorization: Bearer \(token)", "Content-Type: text/plain"])
      #expect(answer.status == status)
      #expect(answer.field("content-type") == "text/plain; charset=UTF-8")
    }
  }

  @Test func `a request without a token is told the realm`() async throws {
    try await RunningEmulator.with { server in
      _ = try await server.createRepo("base")
      let answer = try await server.ask("GET", "/git/demo/base.git/info/refs?service=git-upload-pack")
      #expect((answer.status, answer.text) == (401, "Authentication required"))
      #expect(answer.field("www-authenticate") == #"Basic realm="artifacts""#)
    }
  }

  @Test func `the probe before a big push is answered`() async throws {
    try await RunningEmulator.with { server in
      let (_, token) = try await server.createRepo("base")
      let fields = ["Authorization: Bearer \(token)", "Content-Type: application/x-git-receive-pack-request"]
      let answer = try await server.ask("POST", "/git/demo/base.git/git-receive-pack", fields, Array("0000".utf8))
      #expect((answer.status, answer.body) == (200, []))
      #expect(answer.field("content-type") == "application/x-git-receive-pack-result")
    }
  }

  @Test(arguments: ["git-upload-pack", "git-receive-pack"])
  func `a damaged gzip body is refused`(service: String) async throws {
    try await RunningEmulator.with { server in
      let (_, token) = try await server.createRepo("base")
      let fields = [
        "Authorization: Bearer \(token)", "Content-Type: application/x-\(service)-request", "Content-Encoding: gzip",
      ]
      let answer = try await server.ask("POST", "/git/demo/base/\(service)", fields, Array("not gzip".utf8))
      #expect((answer.status, answer.text) == (400, "Damaged gzip body"))
    }
  }

  @Test func `a pack that a client does not wait for ends its git`() async throws {
    try await RunningEmulator.with { server in
      let (remote, token) = try await server.createRepo("base")
      try await server.workTree("work")
      try await server.git(["-C", "work", "push", "-q", remote, "main"], token: token)
      let head =
        "POST /git/demo/base/git-receive-pack HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(token)\r\n"
        + "Content-Type: application/x-git-receive-pack-request\r\nContent-Length: 100000\r\n\r\n"
      var connection: RawConnection? = try server.connect()
      try connection?.send(Array(head.utf8))
      try await waitUntil { self.gitProcesses(of: server.folder) == 1 }
      connection = nil
      try await waitUntil { self.gitProcesses(of: server.folder) == 0 }
      #expect(try await server.git(["ls-remote", remote], token: token).contains("refs/heads/main"))
    }
  }

  /// How many processes have a path below `folder` among their arguments.
  private func gitProcesses(of folder: String) -> Int {
    guard let directory = opendir("/proc") else { return 0 }
    defer { closedir(directory) }
    var count = 0
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      guard Int(name) != nil, let line = try? contents(of: "/proc/\(name)/cmdline") else { continue }
      if line.contains(folder) && line.contains("stateless-rpc") { count += 1 }
    }
    return count
  }

  private func waitUntil(_ condition: () -> Bool) async throws {
    let clock = ContinuousClock()
    let deadline = clock.now.advanced(by: .seconds(20))
    while !condition() {
      guard clock.now < deadline else { throw TestFailure("it did not happen in 20 s") }
      await Task.yield()
    }
  }
}
