import FoundationEssentials
import GatewayTestSupport
import Glibc
import Testing

/// Secrets that can be told from all else are put wherever the program takes some; then everything that it writes, answers
/// and shows of itself is searched for them.
@Suite(.enabled(if: Git.isThere && RunningBinary.isThere), .timeLimit(.minutes(10))) struct SecretCanaryTests {
  private static let apiToken = "canary-api-token-5b1f"
  private static let staticToken = "canary-static-token-9c2e"
  private static let password = "canary-password-77ad"
  private static let query = "canary-query-3e80"
  private static let key = "canary-api-key-0d4b"
  private static let proxyPassword = "canary-proxy-61fa"
  /// What none of it may show. All begin alike, but for what base64 makes of one.
  private static let marks = ["canary", Data("someone:\(password)".utf8).base64EncodedString()]

  private static let variables = [
    "CLOUDFLARE_API_TOKEN": apiToken, "CF_API_KEY": key, "CLOUDFLARE_ACCOUNT_ID": "acct",
    "HTTPS_PROXY": "http://someone:\(proxyPassword)@127.0.0.1:1", "NO_PROXY": "127.0.0.1,localhost",
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
  ]

  /// What was seen, by where.
  private struct Evidence {
    private(set) var texts: [(place: String, text: String)] = []

    mutating func add(_ place: String, _ text: String) { texts.append((place, text)) }

    func expectNone(of marks: [String]) {
      for (place, text) in texts {
        for mark in marks { #expect(!text.contains(mark), "\(place) shows \(mark):\n\(text)") }
        // The form of the service's repo tokens, whoever minted them.
        #expect(text.firstMatch(of: /art_v[0-9]_[A-Za-z0-9]*_?[0-9a-f]{40}/) == nil, "\(place) shows a token:\n\(text)")
      }
    }
  }

  private static func options(_ base: String) -> [String] {
    [
      "--api-base", "\(base)/client/v4", "--allow-insecure-upstream", "--allow-remote-host", "127.0.0.1",
      "--log-level", "trace", "--log-format", "json",
    ]
  }

  private func ask(_ binary: RunningBinary, _ request: HTTPRequest) async throws -> HTTPAnswer {
    try await Self.ask(port: binary.port(), on: binary, request)
  }

  private static func ask(port: UInt16, on binary: RunningBinary, _ request: HTTPRequest) async throws -> HTTPAnswer {
    let connection = try await HTTPConnection.open(port: port, on: binary.loop)
    try await connection.send(request.bytes)
    let answer = try await connection.receive()
    await connection.close()
    guard let answer else { throw TestFailure("no answer to \(request)") }
    return answer
  }

  /// Lets the service make a fault of every coming request.
  private func service(_ emulator: RunningBinary, fails fault: String?) async throws {
    let fields = [("Authorization", "Bearer \(Self.apiToken)"), ("Content-Type", "application/json")]
    let body = fault.map { Array("{\"spec\":\"\($0)\"}".utf8) } ?? []
    let request = HTTPRequest(fault == nil ? "DELETE" : "POST", "/emulator/faults", fields, body: body)
    let answer = try await ask(emulator, request)
    guard answer.status < 300 else { throw TestFailure("\(answer)") }
  }

  @Test func `no secret is seen in what the program writes, answers or shows of itself`() async throws {
    try await withTemporaryFolder { folder in
      let secrets = folder + "/secrets"
      mkdir(secrets, 0o700)
      try write(Self.apiToken, to: secrets + "/api")
      let emulated = [
        "emulator", "--listen", "127.0.0.1:0", "--data-dir", folder + "/service", "--api-token-file", secrets + "/api",
        "--log-level", "trace", "--log-format", "json",
      ]
      try await RunningBinary.with(emulated, in: folder, Self.variables) { emulator in
        let base = "http://127.0.0.1:\(try await emulator.port())"
        let serve = ["serve", "--listen", "127.0.0.1:0", "--cache-dir", folder + "/cache"] + Self.options(base)
        let gateway = try RunningBinary(serve, in: folder, Self.variables)
        do {
          var evidence = Evidence()
          try await use(gateway, emulator, in: folder, &evidence)
          try await look(gateway, "gateway", &evidence)
          try await look(emulator, "emulator", &evidence)
          await gateway.send(SIGTERM)
          #expect(try await gateway.exitCode() == 0)
          evidence.add("output of serve", await gateway.output.text)
          evidence.add("output of emulator", await emulator.output.text)
          try await useCommands(base, in: folder, &evidence)
          try await useStaticToken(base, secrets, in: folder, &evidence)
          for place in ["cache", "copy", "static-cache"] { try search(folder + "/" + place, &evidence) }
          evidence.expectNone(of: Self.marks)
          // Else there would be nothing to find.
          #expect(
            evidence.texts.contains { $0.text.contains("\"level\":\"trace\"") || $0.text.contains("\"request\"") })
        } catch {
          await gateway.send(SIGKILL)
          _ = try? await gateway.exitCode()
          throw TestFailure("\(error)\n\(await gateway.output.text)")
        }
      }
    }
  }

  /// Everything that a client may do, well and badly.
  private func use(_ gateway: RunningBinary, _ emulator: RunningBinary, in folder: String, _ evidence: inout Evidence)
    async throws
  {
    let url = "http://127.0.0.1:\(try await gateway.port())"
    var git = Git(in: folder)
    let basic = "Basic \(Data("someone:\(Self.password)".utf8).base64EncodedString())"
    git.variables = [
      "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "http.extraHeader", "GIT_CONFIG_VALUE_0": "Authorization: \(basic)",
      "NO_PROXY": "127.0.0.1",
    ]
    #expect(try await ask(gateway, HTTPRequest("PUT", "/api/v1/repos/demo")).status == 201)
    try await git.workTree("copy")
    for arguments in [
      ["-C", "copy", "push", "\(url)/git/demo", "main"], ["clone", "\(url)/git/demo", "again"],
      ["ls-remote", "\(url)/git/missing"], ["ls-remote", "\(url)/git/demo?access_token=\(Self.query)"],
    ] {
      evidence.add("git \(arguments[0])", try await git.attempt(arguments).text.replacing(Self.query, with: ""))
    }
    // The caller is told a token that it asks for, and nobody else.
    let minting = HTTPRequest("POST", "/api/v1/repos/demo/tokens", [("Content-Type", "application/json")])
    #expect(try await ask(gateway, minting).text.contains("art_v"))
    let fields = [("Authorization", basic), ("Cookie", "session=\(Self.password)"), ("X-Auth-Key", Self.password)]
    for path in [
      "/git/demo/info/refs?service=git-upload-pack&token=\(Self.query)", "/nowhere?token=\(Self.query)",
      "/api/v1/repos?limit=\(Self.query.count)&search=demo", "/api/v1/repos/missing", "/api/v1/repos/demo/tokens",
      "/api/v1/status", "/readyz?verbose", "/metrics", "/", "/api/v1/openapi.json", "/api/v1/cache",
    ] {
      evidence.add(
        path.split(separator: "?")[0].description, try await ask(gateway, HTTPRequest("GET", path, fields)).text)
    }
    for fault in ["status=401", "status=403", "status=429;retry-after=60", "html=502", "garbage"] {
      for target in ["api", "refs"] {
        try await service(emulator, fails: "\(fault);target=\(target)")
        evidence.add("git during \(fault)", try await git.attempt(["ls-remote", "\(url)/git/demo"]).text)
        evidence.add("push during \(fault)", try await git.attempt(["-C", "copy", "push", "\(url)/git/demo"]).text)
        let problem = try await ask(gateway, HTTPRequest("GET", "/api/v1/repos/demo", fields))
        evidence.add("problem of \(fault)", problem.text)
        try await service(emulator, fails: nil)
      }
    }
    try await service(emulator, fails: "expire-tokens")
    evidence.add("git with ended tokens", try await git.attempt(["ls-remote", "\(url)/git/demo"]).text)
    // The token of the environment is there still.
    #expect(try await ask(gateway, HTTPRequest("POST", "/-/reload")).status == 200)
    #expect(try await ask(gateway, HTTPRequest("GET", "/api/v1/repos")).status == 200)
    for path in ["/", "/metrics", "/api/v1/status"] {
      evidence.add("\(path) at the end", try await ask(gateway, HTTPRequest("GET", path)).text)
    }
  }

  /// What the kernel shows of a process.
  private func look(_ binary: RunningBinary, _ name: String, _ evidence: inout Evidence) async throws {
    let number = await binary.processID
    evidence.add("command line of \(name)", try contents(of: "/proc/\(number)/cmdline"))
    if geteuid() == 0 { evidence.add("environment of \(name)", try contents(of: "/proc/\(number)/environ")) }
  }

  private func useCommands(_ base: String, in folder: String, _ evidence: inout Evidence) async throws {
    let show = "env; tr '\\0' '\\n' < /proc/$PPID/environ; git ls-remote \"$ARTIFACTS_GATEWAY_URL/git/demo\"; true"
    var variables = Self.variables
    variables["ARTIFACTS_GATEWAY_CACHE_DIR"] = folder + "/cache"
    for arguments in [
      ["check"], ["check", "--online"], ["doctor"], ["doctor", "--json"],
      ["check", "--listen", "nowhere"], ["run", "--", "sh", "-c", show],
    ] {
      let split = arguments.firstIndex(of: "--") ?? arguments.count
      let all = arguments[..<split] + Self.options(base) + arguments[split...]
      let text = try await RunningBinary.run(Array(all), in: folder, variables).text
      // The command of `run` needs the proxy's password, too: it is in its own environment, and nowhere else.
      let (own, rest) = split < arguments.count ? Self.split(text) : ("", text)
      if !own.isEmpty { #expect(own.contains("HTTPS_PROXY=http://someone:\(Self.proxyPassword)@")) }
      evidence.add(arguments.joined(separator: " "), rest)
    }
    for arguments in [["version"], ["version", "--json"], ["openapi"], ["git-config"]] {
      evidence.add(arguments[0], try await RunningBinary.run(arguments, in: folder, variables).text)
    }
  }

  /// The first line that names the proxy, and all but that.
  private static func split(_ text: String) -> (proxy: String, rest: String) {
    let lines = text.split(separator: "\n")
    guard let index = lines.firstIndex(where: { $0.hasPrefix("HTTPS_PROXY=") }) else { return ("", text) }
    return (String(lines[index]), (lines[..<index] + lines[(index + 1)...]).joined(separator: "\n"))
  }

  private func useStaticToken(_ base: String, _ secrets: String, in folder: String, _ evidence: inout Evidence)
    async throws
  {
    try write(Self.staticToken, to: secrets + "/static")
    let arguments =
      [
        "serve", "--listen", "127.0.0.1:0", "--cache-dir", folder + "/static-cache", "--static-token-file",
        secrets + "/static", "--remote-template", "\(base)/git/{namespace}/{repo}.git",
      ] + Self.options(base)
    let gateway = try RunningBinary(arguments, in: folder, Self.variables)
    let url = "http://127.0.0.1:\(try await gateway.port())"
    evidence.add("git with a static token", try await Git(in: folder).attempt(["ls-remote", "\(url)/git/demo"]).text)
    for path in ["/", "/readyz?verbose", "/api/v1/status", "/api/v1/repos", "/metrics"] {
      evidence.add("\(path) with a static token", try await ask(gateway, HTTPRequest("GET", path)).text)
    }
    try await look(gateway, "gateway with a static token", &evidence)
    await gateway.send(SIGTERM)
    _ = try await gateway.exitCode()
    evidence.add("output of serve with a static token", await gateway.output.text)
  }

  /// All files below a folder.
  private func search(_ folder: String, _ evidence: inout Evidence) throws {
    for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
      var status = stat()
      guard lstat("\(folder)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
      evidence.add(name, try contents(of: "\(folder)/\(name)"))
    }
  }

  // MARK: The process

  @Test func `the environment is cleaned where everybody of the same user may look, too`() async throws {
    try await withTemporaryFolder { folder in
      var variables = Self.variables
      variables["ARTIFACTS_GATEWAY_ALLOW_CORE"] = "1"
      let arguments = [
        "serve", "--listen", "127.0.0.1:0", "--api-base", "http://127.0.0.1:1", "--allow-insecure-upstream",
      ]
      try await RunningBinary.with(arguments, in: folder, variables) { binary in
        _ = try await binary.port()
        let environment = try contents(of: "/proc/\(await binary.processID)/environ")
        #expect(!environment.contains("canary"), "\(environment)")
        #expect(environment.contains("CLOUDFLARE_API_TOKEN=\0") && environment.contains("CLOUDFLARE_ACCOUNT_ID=acct\0"))
      }
    }
  }

  /// As a user without rights, whoever runs the tests.
  private static let unprivileged =
    geteuid() == 0 ? ["setpriv", "--reuid", "65532", "--regid", "65532", "--clear-groups"] : []

  @Test(
    .enabled(if: geteuid() != 0 || Git.tool("setpriv")),
    arguments: [("", 0), ("1", geteuid() == 0 ? 65_532 : geteuid())] as [(String, uid_t)])
  func `what the kernel has of the process is root's, unless core dumps are allowed, and its own figures are there`(
    allowed: String, owner: uid_t
  ) async throws {
    try await withTemporaryFolder { folder in
      chmod(folder, 0o777)
      let script = """
        set -e
        mkfifo log
        ulimit -S -c unlimited 2> /dev/null || true
        \(Self.unprivileged.joined(separator: " ")) "$1" serve --local --listen 127.0.0.1:0 --log-format json 2> log > /dev/null &
        read -r line < log
        port=${line##*127.0.0.1:}
        port=${port%%\\"*}
        stat -c 'owner %u' /proc/$!/environ
        grep 'core file' /proc/$!/limits
        curl -s "http://127.0.0.1:$port/metrics" | grep ^process_
        kill $!
        wait $!
        """
      let result = try await ExternalTool("bash").run(
        ["-c", "export ARTIFACTS_GATEWAY_ALLOW_CORE=\(allowed)\n" + script, "-", RunningBinary.path ?? ""], in: folder)
      #expect(result.text.contains("owner \(owner)\n"), "\(result.text)")
      let limit = result.text.firstMatch(of: /core file size +(\w+)/)?.1
      #expect((limit == "0") == allowed.isEmpty, "\(result.text)")
      for name in ["open_fds", "resident_memory_bytes", "start_time_seconds"] {
        let value = result.text.split(separator: "\n").first { $0.hasPrefix("process_\(name) ") }?.split(separator: " ")
          .last
        #expect(value.flatMap { Double($0) } ?? 0 > 0, "\(name): \(result.text)")
      }
    }
  }

  @Test(.enabled(if: Git.tool("bash"))) func `a command of run may have core dumps`() async throws {
    try await withTemporaryFolder { folder in
      let script = "ulimit -S -c 100; exec \"$1\" run --local -- bash -c 'ulimit -S -c'"
      let result = try await ExternalTool("bash").run(["-c", script, "-", RunningBinary.path ?? ""], in: folder)
      #expect(result.text.hasSuffix("100\n"), "\(result.text)")
    }
  }
}
