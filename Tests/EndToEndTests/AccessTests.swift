import EventLoop
import Gateway
import GatewayTestSupport
import Glibc
import HTTPCore
import TLS
import Testing

/// Git, and others, at a gateway that asks who they are.
@Suite(.enabled(if: Git.isThere && RunningBinary.isThere && Certificates.directory != nil), .timeLimit(.minutes(5)))
struct AccessTests {
  private static let curl = ExternalTool("curl")

  /// Makes a token by the program. Returns its secret.
  private func addToken(_ name: String, _ options: [String] = [], in folder: String) async throws -> String {
    let made = try await RunningBinary.run(["token", "add", "--file", folder + "/tokens", name] + options, in: folder)
    guard made.code == 0 else { throw TestFailure(made.text) }
    return made.text.split(separator: "\n").joined()
  }

  /// Who is known may do everything.
  private static let everything =
    "\n[[rule]]\nname = \"all\"\nwho = [\"*\"]\nrepos = [\"**\"]\nallow = [\"read\", \"push\", \"create\", \"admin\"]\n"

  /// The program in local mode with an access file.
  private func withAccess<Result>(
    _ access: String, in folder: String, _ options: [String] = [],
    _ body: (RunningBinary, UInt16) async throws -> Result
  ) async throws -> Result {
    try write(access + Self.everything, to: folder + "/access.toml")
    return try await BinaryTests.withLocal(in: folder, ["--access-file", folder + "/access.toml"] + options) {
      binary, _ in try await body(binary, binary.port())
    }
  }

  @Test func `git gets in by each of its ways to send a token, and by no other`() async throws {
    try await withTemporaryFolder { folder in
      let secret = try await addToken("ci", ["--expires", "30d"], in: folder)
      try await withAccess("[auth]\ntoken_file = \"\(folder)/tokens\"\n", in: folder) { binary, port in
        let url = "http://127.0.0.1:\(port)/git/hello"
        var git = Git(in: folder)
        let refused = try await git.attempt(["clone", "-q", url, "none"])
        #expect(!refused.isSuccess && refused.text.contains("could not read Username"), "\(refused.text)")
        let wrong = try await git.attempt(["clone", "-q", "http://x:agt_wrong@127.0.0.1:\(port)/git/hello", "none"])
        #expect(!wrong.isSuccess && wrong.text.contains("Authentication failed"), "\(wrong.text)")
        #expect(wrong.text.contains("the credentials are not accepted"), "\(wrong.text)")

        try await git("-c", "http.extraHeader=Authorization: Bearer \(secret)", "clone", "-q", url, "by-header")
        try await git("clone", "-q", "http://ci:\(secret)@127.0.0.1:\(port)/git/hello", "by-url")
        // As a helper that keeps passwords would say it.
        let helper = "!f() { test \"$1\" = get && printf 'username=ci\\npassword=\(secret)\\n'; }; f"
        try await git("-c", "credential.helper=\(helper)", "clone", "-q", url, "by-helper")
        try write("#!/bin/sh\necho '\(secret)'\n", to: folder + "/ask")
        chmod(folder + "/ask", 0o700)
        git.variables["GIT_ASKPASS"] = folder + "/ask"
        try await git("clone", "-q", url, "by-asking")
        // A push of several MiB asks with a probe first, and then sends what it can send once only.
        try await git.commit(randomBytes(3 << 20), to: "big.bin", in: "by-asking")
        try await git("-C", "by-asking", "push", "-q", "origin", "HEAD:refs/heads/fresh")
        try await git("-C", "by-url", "fetch", "-q", "origin")
        try await git("-C", "by-url", "cat-file", "-e", "origin/fresh:big.bin")
        let output = await binary.output.text
        #expect(output.contains("\"identity\":\"token:ci\"") && !output.contains(secret))
        #expect(output.contains("\"accepts\":\"token\""))
      }
    }
  }

  @Test func `a token that is taken back, or another that is given out, counts without a restart`() async throws {
    try await withTemporaryFolder { folder in
      let first = try await addToken("first", in: folder)
      try await withAccess("[auth]\ntoken_file = \"\(folder)/tokens\"\n", in: folder) { binary, port in
        func status(_ secret: String) async throws -> Int {
          let connection = try await HTTPConnection.open(port: port, on: binary.loop)
          try await connection.send(HTTPRequest("GET", "/", [("Authorization", "Bearer \(secret)")]).bytes)
          let answer = try await connection.receive()
          await connection.close()
          return try #require(answer).status
        }
        #expect(try await status(first) == 200)
        let second = try await addToken("second", in: folder)
        let listed = try await RunningBinary.run(["token", "list", "--access-file", "access.toml"], in: folder)
        #expect(listed.text == "first\tfor ever\nsecond\tfor ever\n", "\(listed.text)")
        #expect(try await RunningBinary.run(["token", "remove", "--file", "tokens", "first"], in: folder).code == 0)
        // A reload counts at once, as does the change itself after a second.
        await binary.send(SIGHUP)
        _ = try await binary.output.line(containing: "configuration reloaded")
        #expect(try await (status(first), status(second)) == (401, 200))
        // A file that does not do leaves things as they are.
        try write("nonsense", to: folder + "/tokens")
        await binary.send(SIGHUP)
        let line = try await binary.output.line(containing: "configuration not reloaded")
        #expect(line.contains("/tokens:1: "), "\(line)")
        #expect(try await status(second) == 200)
      }
    }
  }

  @Test func `the commands about tokens say what is wrong`() async throws {
    try await withTemporaryFolder { folder in
      let file = ["--file", folder + "/tokens"]
      _ = try await addToken("ci", in: folder)
      #expect(try await RunningBinary.run(["token", "add", "ci"] + file, in: folder).code == 65)
      #expect(try await RunningBinary.run(["token", "remove", "other"] + file, in: folder).code == 65)
      #expect(try await RunningBinary.run(["token", "add", "a b"] + file, in: folder).code == 64)
      #expect(try await RunningBinary.run(["token", "add", "b", "--expires", "soon"] + file, in: folder).code == 64)
      #expect(try await RunningBinary.run(["token", "list"], in: folder).code == 64)
      #expect(try await RunningBinary.run(["token", "add", "b", "--file", "none/tokens"], in: folder).code == 74)
      #expect(try await RunningBinary.run(["token", "list"] + file, in: folder).text == "ci\tfor ever\n")
      var status = stat()
      #expect(stat(folder + "/tokens", &status) == 0 && status.st_mode & 0o777 == 0o600)
      // Many at once lose nothing.
      try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<5 {
          group.addTask { try await RunningBinary.run(["token", "add", "t\(number)"] + file, in: folder).code }
        }
        for try await code in group { #expect(code == 0) }
      }
      let names = try await RunningBinary.run(["token", "list"] + file, in: folder).text.split(separator: "\n")
      #expect(names.count == 6)
    }
  }

  @Test(.enabled(if: curl.isThere)) func `whoever comes by a Unix socket is known by his user`() async throws {
    try await withTemporaryFolder { folder in
      let socket = folder + "/s"
      let access = "[auth]\nunix_peers = true\n"
      try await withAccess(access, in: folder, ["--listen", "unix:\(socket)"]) { binary, port in
        let name = getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? "uid:\(geteuid())"
        for version in ["--http1.1", "--http2-prior-knowledge"] {
          let refs = "http://localhost/git/hello/info/refs?service=git-upload-pack"
          let outcome = try await Self.curl.run(
            ["-s", version, "--unix-socket", socket, "-o", "/dev/null", "-w", "%{http_code}", refs], in: folder)
          #expect(outcome.text == "200")
          // Another listener, where nothing can be shown: no status that asks for credentials.
          let other = try await Self.curl.run(
            ["-s", version, "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:\(port)/git/hello/info/refs"],
            in: folder)
          #expect(other.text == "403")
        }
        let output = await binary.output.text
        #expect(output.contains("\"identity\":\"unix:\(name)\""), "\(output)")
        let quit = try await Self.curl.run(
          ["-s", "--unix-socket", socket, "-X", "POST", "http://localhost/-/quit"], in: folder)
        #expect(quit.text == "leaving\n")
        #expect(try await binary.exitCode() == 0)
      }
    }
  }

  @Test(
    arguments: [
      ("client", "certificate:server.test"), ("person", "certificate:Ada Lovelace"),
      ("address", "certificate:ada@team.example"), ("workload", "certificate:spiffe://team/ci"),
      ("onlyaddress", "certificate:host"), ("twonames", nil), ("unnamed", nil), ("controls", nil),
    ] as [(String, String?)])
  func `a client certificate says who one is`(file: String, identity: String?) async throws {
    let log = try LogPipe()
    var authentication = AuthenticationConfiguration()
    authentication.usesCertificates = true
    var access = AccessConfiguration()
    access.authentication = authentication
    access.rules = [AccessRule(name: "all", who: ["*"], repos: ["**"], allow: Set(Right.allCases))]
    try await EmulatorGateway.with(log: log.sink, configure: { [access] in $0.access = access }) { test in
      let files = TLSServerFiles(
        certificate: Certificates.path("good.pem"), key: Certificates.path("good.key"),
        clientAuthorities: Certificates.path("ca.pem"))
      let secure = try await test.gateway.listen(on: ListenerConfiguration(.v4(0x7f00_0001, port: 0), tls: files))
      var git = test.git
      git.variables["GIT_SSL_CAINFO"] = Certificates.path("ca.pem")
      git.variables["GIT_SSL_CERT"] = Certificates.path("\(file).pem")
      git.variables["GIT_SSL_KEY"] = Certificates.path("\(file).key")
      let url = "https://127.0.0.1:\(secure.port ?? 0)"
      for version in ["HTTP/1.1", "HTTP/2"] {
        let outcome = try await git.attempt(["-c", "http.version=\(version)", "ls-remote", "\(url)/git/none"])
        // Who is known is told that there is no such repo.
        #expect(outcome.text.contains("no repo") == (identity != nil), "\(outcome.text)")
      }
    }
    let lines = await log.finish().split(separator: "\n").filter { $0.contains("\"message\":\"request\"") }
    #expect(lines.contains { $0.contains("\"http\":\"2\"") } && lines.contains { $0.contains("\"http\":\"1.1\"") })
    for line in lines {
      if let identity {
        #expect(line.contains("\"identity\":\"\(identity)\""), "\(line)")
      } else {
        #expect(line.contains("a client certificate without a name that does"), "\(line)")
      }
    }
  }

  @Test(.enabled(if: curl.isThere)) func `streams of one connection are judged one by one`() async throws {
    try await withTemporaryFolder { folder in
      let secret = try await addToken("ci", in: folder)
      let tls = ["--tls-cert", Certificates.path("good.pem"), "--tls-key", Certificates.path("good.key")]
      try await withAccess("[auth]\ntoken_file = \"\(folder)/tokens\"\n", in: folder, tls) { _, port in
        let shape = ["-s", "--cacert", Certificates.path("ca.pem"), "-o", "/dev/null"]
        let rest = [
          "-w", "%{http_code} %{http_version} %{num_connects}\n",
          "https://127.0.0.1:\(port)/git/hello/info/refs?service=git-upload-pack",
        ]
        let known = shape + ["-H", "Authorization: Bearer \(secret)"] + rest
        let wrong = shape + ["-H", "Authorization: Bearer \(secret)0"] + rest
        let next = ["--next"]
        let outcome = try await Self.curl.run(
          known + next + shape + rest + next + known + next + wrong + next + known, in: folder)
        #expect(outcome.text == "200 2 1\n401 2 0\n200 2 0\n401 2 0\n200 2 0\n", "\(outcome.text)")
      }
    }
  }

  @Test(arguments: [
    ("[auth]\nunix_peers = true\n", ["--listen", "0.0.0.0:0"], 0),
    ("mode = \"enforce\"\n", ["--listen", "0.0.0.0:0"], 65), ("mode = \"enforce\"\n", ["--listen", "127.0.0.1:0"], 0),
    ("[auth]\ntoken_file = \"none\"\n", ["--listen", "127.0.0.1:0"], 65),
    (
      "[auth]\nunix_peers = true\n[[auth.listener]]\naddress = \"unix:/none\"\naccept = [\"unix\"]\n",
      ["--listen", "127.0.0.1:0"], 65
    ),
  ])
  func `an address beyond loopback needs people to be known`(access: String, options: [String], code: Int) async throws
  {
    try await withTemporaryFolder { folder in
      try write(access, to: folder + "/access.toml")
      let outcome = try await RunningBinary.run(
        ["check", "--local", "--access-file", "access.toml"] + options, in: folder)
      #expect(outcome.code == code, "\(outcome.text)")
    }
  }
}
