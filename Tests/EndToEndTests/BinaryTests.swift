import GatewayTestSupport
import Glibc
import Testing

@Suite(.enabled(if: Git.isThere && RunningBinary.isThere), .timeLimit(.minutes(5))) struct BinaryTests {
  /// Runs the gateway in local mode for the length of `body`.
  static func withLocal<Result>(
    in folder: String, _ options: [String] = [], _ variables: [String: String] = [:],
    _ body: (RunningBinary, String) async throws -> Result
  ) async throws -> Result {
    let arguments = ["serve", "--local", "--listen", "127.0.0.1:0", "--data-dir", folder + "/data"] + options
    return try await RunningBinary.with(arguments, in: folder, variables) { binary in
      try await body(binary, "http://127.0.0.1:\(binary.port())")
    }
  }

  /// Puts the repo `big` there, with a file of random bytes.
  static func pushBig(_ git: Git, _ base: String, bytes: Int) async throws {
    try await git("clone", "-q", "\(base)/git/hello", "hello")
    try await git("-C", "hello", "checkout", "-q", "-b", "big")
    try await git.commit(randomBytes(bytes), to: "big.bin", in: "hello")
    try await git("-C", "hello", "push", "-q", "origin", "big")
  }

  /// A connection on which the pack of the branch `big` has begun to come.
  static func beginFetch(_ git: Git, _ base: String, _ binary: RunningBinary) async throws -> HTTPConnection {
    let id = try await git("-C", "hello", "rev-parse", "big").prefix(40)
    let body =
      PktLines.line("command=fetch") + PktLines.line("object-format=sha1") + Array("0001".utf8)
      + PktLines.line("want \(id)\n") + PktLines.line("done\n") + PktLines.flush
    let connection = try await HTTPConnection.open(port: try await binary.port(), on: binary.loop)
    try await connection.send(GitOperation.fetch.request("hello", body: body).bytes)
    #expect(try await connection.begin() == 200)
    return connection
  }

  @Test func `local mode serves a clone and a push, and ends in order`() async throws {
    try await withTemporaryFolder { folder in
      try await Self.withLocal(in: folder) { binary, base in
        let git = Git(in: folder)
        try await git("clone", "-q", "\(base)/git/hello", "copy")
        try await git.commit("more\n", to: "more.txt", in: "copy")
        try await git("-C", "copy", "push", "-q")
        try await git("clone", "-q", "\(base)/git/hello", "again")
        #expect(try await git.refs(in: "again", "refs/heads") == git.refs(of: "\(base)/git/hello"))
        try await git.check("again")
        #expect(await binary.output.text.contains("git clone http://localhost:"))
        await binary.send(SIGTERM)
        #expect(try await binary.exitCode() == 0)
      }
    }
  }

  @Test func `the data folder may be named relative to where the program starts`() async throws {
    try await withTemporaryFolder { folder in
      let arguments = ["serve", "--local", "--listen", "127.0.0.1:0"]
      try await RunningBinary.with(arguments, in: folder) { binary in
        let url = "http://127.0.0.1:\(try await binary.port())/git/hello"
        try await Git(in: folder)("clone", "-q", url, "copy")
        #expect(access(folder + "/artifacts-data/lock", F_OK) == 0)
      }
    }
  }

  @Test func `a running fetch comes to its end before the program does`() async throws {
    try await withTemporaryFolder { folder in
      try await Self.withLocal(in: folder) { binary, base in
        let git = Git(in: folder)
        try await Self.pushBig(git, base, bytes: 32 << 20)
        let connection = try await Self.beginFetch(git, base, binary)
        await binary.send(SIGTERM)
        _ = try await binary.output.line(containing: "draining")
        let (count, tail, isWhole) = try await connection.rest()
        #expect(isWhole && count > 32 << 20)
        #expect(tail.suffix(4) == Array("0000".utf8)[...])
        await connection.close()
        #expect(try await binary.exitCode() == 0)
      }
    }
  }

  @Test func `a second signal cuts what runs, and the code says so`() async throws {
    try await withTemporaryFolder { folder in
      try await Self.withLocal(in: folder) { binary, base in
        let git = Git(in: folder)
        try await Self.pushBig(git, base, bytes: 32 << 20)
        let connection = try await Self.beginFetch(git, base, binary)
        await binary.send(SIGTERM)
        _ = try await binary.output.line(containing: "draining")
        await binary.send(SIGTERM)
        #expect(try await binary.exitCode() == 143)
        let (_, _, isWhole) = try await connection.rest()
        #expect(!isWhole)
        await connection.close()
      }
    }
  }

  @Test func `what is not over at the end of the drain time is cut`() async throws {
    try await withTemporaryFolder { folder in
      try await Self.withLocal(in: folder, ["--drain-timeout", "1"]) { binary, base in
        let git = Git(in: folder)
        try await Self.pushBig(git, base, bytes: 32 << 20)
        let connection = try await Self.beginFetch(git, base, binary)
        await binary.send(SIGINT)
        #expect(try await binary.exitCode() == 143)
        await connection.close()
      }
    }
  }

  @Test func `a kill in the middle of a push leaves the repo as it was`() async throws {
    try await withTemporaryFolder { folder in
      let git = Git(in: folder)
      let refs = try await Self.withLocal(in: folder) { binary, base in
        try await Self.pushBig(git, base, bytes: 100_000)
        let connection = try await HTTPConnection.open(port: try await binary.port(), on: binary.loop)
        let request = GitOperation.push.request("hello", body: GitOperation.push(bytes: 1_000_000))
        try await connection.send(Array(request.bytes.prefix(500_000)))
        let refs = try await git.refs(of: "\(base)/git/hello")
        await binary.send(SIGKILL)
        #expect(try await binary.exitCode() == 1000 + Int(SIGKILL))
        await connection.close()
        return refs
      }
      try await Self.withLocal(in: folder) { _, base in
        #expect(try await git.refs(of: "\(base)/git/hello") == refs)
        try await git("clone", "-q", "--mirror", "\(base)/git/hello", "copy")
        try await git.check("copy")
        try await git.commit("more\n", to: "more.txt", in: "hello")
        try await git("-C", "hello", "push", "-q", "\(base)/git/hello", "big")
      }
    }
  }

  @Test func `no descriptor is left open by clients that vanish`() async throws {
    try await withTemporaryFolder { folder in
      // Else only root may count them.
      try await Self.withLocal(in: folder, [], ["ARTIFACTS_GATEWAY_ALLOW_CORE": "1"]) { binary, base in
        let git = Git(in: folder)
        try await Self.pushBig(git, base, bytes: 8 << 20)
        let before = try await binary.descriptorCount()
        let push = GitOperation.push.request("hello", body: GitOperation.push(bytes: 300_000)).bytes
        for number in 0..<40 {
          let connection = try await HTTPConnection.open(port: try await binary.port(), on: binary.loop)
          try await connection.send(Array(push.prefix(number * 7_000)))
          await connection.close(resetting: number % 2 == 0)
          if number % 8 == 0 { try await Self.beginFetch(git, base, binary).close(resetting: true) }
        }
        // The ends are seen when they are seen; idle connections of the pool are not leaks.
        let clock = ContinuousClock()
        let deadline = clock.now.advanced(by: .seconds(60))
        while try await binary.descriptorCount() > before + 8 {
          guard clock.now < deadline else { throw TestFailure("\(try await binary.descriptorCount()) after \(before)") }
          await Task.yield()
        }
      }
    }
  }

  /// 200 MB with `ARTIFACTS_GATEWAY_TEST_BIG=1`.
  @Test func `a big push and clone take little memory`() async throws {
    let megabytes = getenv("ARTIFACTS_GATEWAY_TEST_BIG") == nil ? 24 : 200
    try await withTemporaryFolder { folder in
      try await Self.withLocal(in: folder) { binary, base in
        let git = Git(in: folder)
        let idle = try await binary.peakMemory()
        try await Self.pushBig(git, base, bytes: megabytes << 20)
        try await git("clone", "-q", "-b", "big", "\(base)/git/hello", "copy")
        try await git.check("copy")
        let peak = try await binary.peakMemory()
        #expect(peak - idle < 16 << 20, "\(idle >> 20) MB before, \(peak >> 20) MB at most")
      }
    }
  }
}
