import GatewayTestSupport
import Glibc
import Testing

/// The embedded service killed without a warning, and started again on the same folder.
@Suite(.enabled(if: Git.isThere && RunningBinary.isThere), .timeLimit(.minutes(5))) struct CrashTests {
  private static let repos = "/client/v4/accounts/acct/artifacts/namespaces/default/repos"

  private func ask(_ binary: RunningBinary, _ method: String, _ path: String, _ body: String = "") async throws
    -> HTTPAnswer
  {
    let connection = try await HTTPConnection.open(port: try await binary.port(), on: binary.loop)
    let fields = [("Authorization", "Bearer \(SeparateService.token)"), ("Content-Type", "application/json")]
    try await connection.send(HTTPRequest(method, path, fields, body: Array(body.utf8)).bytes)
    let answer = try await connection.receive()
    await connection.close()
    guard let answer else { throw TestFailure("no answer") }
    return answer
  }

  private func kill(_ binary: RunningBinary) async throws {
    await binary.send(SIGKILL)
    #expect(try await binary.exitCode() == 1000 + Int(SIGKILL))
  }

  @Test func `a second process is told who has the folder, and may have it after a crash`() async throws {
    try await withTemporaryFolder { folder in
      let arguments = try SeparateService.emulatorArguments(folder)
      let before = try await RunningBinary.with(arguments, in: folder) { first in
        _ = try await first.port()
        let second = try await RunningBinary.run(arguments, in: folder)
        #expect(second.code == 74)
        let holder = "in use by another process (process \(await first.processID))"
        #expect(second.text.contains(holder), "\(second.text)")
        // The refusal has not harmed the first.
        for name in ["a", "b", "c"] {
          #expect(try await ask(first, "POST", Self.repos, #"{"name":"\#(name)"}"#).status == 201)
        }
        #expect(try await ask(first, "DELETE", Self.repos + "/b").status == 202)
        let listed = try await ask(first, "GET", Self.repos)
        let tokens = try await ask(first, "GET", Self.repos + "/a/tokens")
        try await kill(first)
        return [listed.text, tokens.text].map { text in text.replacing(/127\.0\.0\.1:\d+/, with: "BASE") }
      }
      try await RunningBinary.with(arguments, in: folder) { second in
        let listed = try await ask(second, "GET", Self.repos)
        let tokens = try await ask(second, "GET", Self.repos + "/a/tokens")
        #expect([listed.text, tokens.text].map { $0.replacing(/127\.0\.0\.1:\d+/, with: "BASE") } == before)
      }
    }
  }

  @Test func `a kill in the middle of a push keeps what was acknowledged and nothing else`() async throws {
    try await withTemporaryFolder { folder in
      let git = Git(in: folder)
      let arguments = try SeparateService.emulatorArguments(folder)
      var token = ""
      try await git.workTree("work")
      let push = { (remote: String, ref: String) async throws -> Git.Outcome in
        try await git.attempt(
          ["-c", "http.extraHeader=Authorization: Bearer \(token)", "-C", "work", "push", "-q", remote, ref])
      }
      let acknowledged = try await RunningBinary.with(arguments, in: folder) { binary in
        let created = try await ask(binary, "POST", Self.repos, #"{"name":"demo"}"#)
        token = try created.string("token")
        let remote = try created.string("remote")
        for number in 0..<5 {
          try await git.commit("\(number)\n", to: "file", in: "work")
          #expect(try await push(remote, "HEAD:refs/heads/b\(number)").isSuccess)
        }
        let refs = try await git.refs(in: "work", "refs/heads")
        try await git.commit(randomBytes(24 << 20), to: "big.bin", in: "work")
        try await interrupt(binary, git)
        return refs[0].prefix(40)
      }
      try await RunningBinary.with(arguments, in: folder) { binary in
        let remote = try await ask(binary, "GET", Self.repos + "/demo").string("remote")
        let header = ["-c", "http.extraHeader=Authorization: Bearer \(token)"]
        let refs = try await git(header + ["ls-remote", remote]).split(separator: "\n")
        #expect(refs.count == 5 && refs.last == "\(acknowledged)\trefs/heads/b4", "\(refs)")
        let repo = "\(folder)/data/namespaces/default/repos/*/git"
        let check = "git --git-dir \(repo) fsck --strict --full --no-dangling && ls -A \(repo)/objects"
        let checked = try await ShellScript(check).run(in: folder)
        #expect(!checked.contains("error") && !checked.contains("incoming"), "\(checked)")
        #expect(try await push(remote, "HEAD:refs/heads/main").isSuccess)
        try await git(header + ["clone", "-q", "-b", "main", remote, "copy"])
        try await git.check("copy")
      }
    }
  }

  /// Sends half of a push, and kills the service once git has some of it.
  private func interrupt(_ binary: RunningBinary, _ git: Git) async throws {
    try await ShellScript("git -C work rev-list --objects HEAD | git -C work pack-objects -q --stdout >pack").run(
      in: git.folder)
    let header = try await ask(binary, "POST", Self.repos.replacing("/repos", with: "/tokens"), #"{"repo":"demo"}"#)
    let id = try await git("-C", "work", "rev-parse", "HEAD").prefix(40)
    let zero = String(repeating: "0", count: 40)
    let command = PktLines.line("\(zero) \(id) refs/heads/main\0report-status") + PktLines.flush
    let body = try command + bytes(of: git.folder + "/pack")
    let request = HTTPRequest(
      "POST", "/git/default/demo.git/git-receive-pack",
      [
        ("Authorization", "Bearer \(try header.string("plaintext"))"),
        ("Content-Type", "application/x-git-receive-pack-request"),
      ], body: body)
    let connection = try await HTTPConnection.open(port: try await binary.port(), on: binary.loop)
    try await connection.send(Array(request.bytes.prefix(request.bytes.count / 2)))
    let clock = ContinuousClock()
    let deadline = clock.now.advanced(by: .seconds(60))
    let find = "find data -path '*incoming*' -name 'tmp_pack*' -size +1M"
    while try await ShellScript(find).run(in: git.folder).isEmpty {
      guard clock.now < deadline else { throw TestFailure("git has got nothing") }
    }
    try await kill(binary)
    await connection.close()
  }

  private func bytes(of path: String) throws -> [UInt8] {
    guard let file = fopen(path, "r") else { throw TestFailure("\(path): \(errno)") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = fread(&block, 1, block.count, file)
      guard count > 0 else { return bytes }
      bytes += block[..<count]
    }
  }
}
