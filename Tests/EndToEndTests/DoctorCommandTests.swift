import ArtifactsEmulator
import EventLoop
import FoundationEssentials
import GatewayTestSupport
import Glibc
import HTTPCore
import Testing

/// `doctor`, with the real program and the real git, against the embedded service in good health and with its faults.
@Suite(.enabled(if: Git.isThere && RunningBinary.isThere), .timeLimit(.minutes(5))) struct DoctorCommandTests {
  private struct Report: Decodable {
    struct Check: Decodable {
      let name: String
      let status: String
      let detail: String
      let next: String?
    }

    let exit_code: Int
    let checks: [Check]

    subscript(name: String) -> Check? { checks.first { $0.name == name } }
    func status(_ name: String) -> String? { self[name]?.status }
    var problems: [String] { checks.filter { $0.status == "warn" || $0.status == "fail" }.map(\.name) }
  }

  private static let gitless = ["GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"]

  private func doctor(_ arguments: [String], in folder: String, _ variables: [String: String] = [:]) async throws
    -> (code: Int, report: Report)
  {
    let outcome = try await RunningBinary.run(
      ["doctor", "--json"] + arguments, in: folder, Self.gitless.merging(variables) { $1 })
    guard let report = try? JSONDecoder().decode(Report.self, from: Data(outcome.text.utf8)) else {
      throw TestFailure(outcome.text)
    }
    #expect(outcome.code == report.exit_code)
    // What is wrong comes with a next step.
    for check in report.checks { #expect((check.next != nil) == ["warn", "fail"].contains(check.status), "\(check)") }
    return (outcome.code, report)
  }

  /// What makes a gateway use the service at a base URL.
  private func options(_ base: String, in folder: String, token: String = EmulatorGateway.apiToken) throws -> [String] {
    try write(token, to: folder + "/token")
    return [
      "--account-id", "acct", "--api-base", base + "/client/v4", "--allow-insecure-upstream", "--allow-remote-host",
      "127.0.0.1", "--api-token-file", folder + "/token",
    ]
  }

  @Test func `all is well where all is well, as text and as JSON`() async throws {
    try await EmulatorGateway.with { test in
      try await test.seeded()
      let options = try options(test.emulator.baseURL, in: test.folder)
      let (code, report) = try await doctor(options, in: test.folder)
      #expect(code == 0 && report.problems.isEmpty, "\(report)")
      for name in [
        "configuration", "proxy", "dns", "tcp", "tls", "api-read", "api-edit", "gateway", "ls-remote", "git",
      ] {
        #expect(report.status(name) == "ok", "\(name): \(report)")
      }
      #expect(report["ls-remote"]?.detail.contains("/git/demo: 2 refs") == true, "\(report)")
      let text = try await RunningBinary.run(["doctor"] + options, in: test.folder, Self.gitless)
      #expect(text.code == 0 && text.text.contains("ok    ls-remote: git lists http://127.0.0.1:"), "\(text.text)")
      // Nothing that was minted is left.
      let tokens = try await test.askService("GET", "/namespaces/default/repos/demo/tokens?state=active").text
      #expect(!tokens.contains("\"scope\":\"read\""), "\(tokens)")
    }
  }

  @Test func `local mode needs no service`() async throws {
    try await withTemporaryFolder { folder in
      let (code, report) = try await doctor(["--local", "--data-dir", folder + "/data"], in: folder)
      #expect(code == 0 && report.status("ls-remote") == "ok" && report["dns"] == nil, "\(report)")
    }
  }

  @Test(arguments: [
    ("status=401;target=api", "api-read", 77, "Artifacts Read"), ("status=403;target=api", "api-read", 77, "Read"),
    ("status=429;target=api", "api-read", 69, "wait"), ("status=503;target=api", "api-read", 69, "try again"),
    ("html=502;target=api", "api-read", 69, "try again"), ("status=500;target=refs", "ls-remote", 69, "request id"),
  ])
  func `a fault of the service is told with what to do about it`(
    fault: String, check: String, code: Int, next: String
  ) async throws {
    try await withTemporaryFolder { folder in
      let arguments = try SeparateService.emulatorArguments(folder)
      try await RunningBinary.with(arguments, in: folder) { emulator in
        let base = "http://127.0.0.1:\(try await emulator.port())"
        let options = try options(base, in: folder, token: SeparateService.token)
        // A repo, made while all is well.
        let made = try await RunningBinary.run(
          ["run", "--create-on-push"] + options
            + [
              "--", "sh", "-c",
              "git init -q w && cd w && git -c user.name=x -c user.email=x commit -q --allow-empty -m x"
                + " && git push -q $ARTIFACTS_GATEWAY_URL/git/demo HEAD:refs/heads/main",
            ], in: folder, Self.gitless)
        #expect(made.code == 0, "\(made.text)")
        let connection = try await HTTPConnection.open(port: try await emulator.port(), on: emulator.loop)
        let request = HTTPRequest(
          "POST", "/emulator/faults",
          [("Authorization", "Bearer \(SeparateService.token)"), ("Content-Type", "application/json")],
          body: Array(#"{"spec":"\#(fault)"}"#.utf8))
        try await connection.send(request.bytes)
        #expect(try await connection.receive()?.status == 201)
        await connection.close()
        let (ended, report) = try await doctor(options, in: folder)
        #expect(ended == code && report.problems.first == check, "\(report)")
        #expect(report[check]?.next?.contains(next) == true, "\(report)")
      }
    }
  }

  @Test func `a token that may only read is told from one that may nothing`() async throws {
    let group = try TestLoops.take()
    defer { TestLoops.give(group) }
    let server = ScriptedServer(on: group.loops[0], readsBodyFirst: true) { request in
      if request.head.method == .post { return ScriptedAPI.failure(403, 10000, "Authentication error") }
      let repo = #"[{"id":"id","name":"demo","remote":"https://acct.artifacts.cloudflare.net/git/default/demo.git"}]"#
      let date = HTTPDate.format(Int(WallClock.now) - 100)
      return .json(
        200, #"{"result":\#(repo),"success":true,"errors":[],"messages":[]}"#, [("Date", date)])
    }
    let base = "http://127.0.0.1:\(try await server.start())"
    try await withTemporaryFolder { folder in
      let (code, report) = try await doctor(options(base, in: folder), in: folder)
      #expect(code == 77 && report.status("api-read") == "ok", "\(report)")
      #expect(report["api-edit"]?.next?.contains("Artifacts Edit") == true, "\(report)")
      // The clocks are a minute and a half apart.
      #expect(report.status("clock") == "warn" && report["clock"]?.next?.contains("timedatectl") == true, "\(report)")
    }
    await server.stop()
  }

  @Test(arguments: [
    ("https://name.invalid", "dns", 69), ("https://127.0.0.1:1", "tcp", 69), ("http://127.0.0.1:1", "tcp", 69),
  ])
  func `a service that is not reached is told by how far the way goes`(base: String, check: String, code: Int)
    async throws
  {
    try await withTemporaryFolder { folder in
      let (ended, report) = try await doctor(options(base, in: folder), in: folder)
      #expect(ended == code && report.problems.first == check, "\(report)")
      #expect(report.status("clock") == "skip" && report.status("api-edit") == "skip")
    }
  }

  @Test(.enabled(if: Certificates.directory != nil))
  func `a certificate that nobody vouches for is told, and --ca-file mends it`() async throws {
    try await EmulatorGateway.with(tls: try Certificates.serverContext()) { test in
      let options = try options(test.emulator.baseURL, in: test.folder)
      let (code, report) = try await doctor(options, in: test.folder)
      #expect(code == 69 && report.problems.first == "tls" && report.status("tcp") == "ok", "\(report)")
      #expect(report["tls"]?.next?.contains("--ca-file") == true)
      let mended = try await doctor(options + ["--ca-file", Certificates.path("ca.pem")], in: test.folder).report
      #expect(mended.status("tls") == "ok" && mended.status("api-read") == "ok", "\(mended)")
    }
  }

  @Test func `the proxy is named, and what it refuses`() async throws {
    let group = try TestLoops.take()
    defer { TestLoops.give(group) }
    let proxy = TunnelProxy(on: group.loops[0], status: 407)
    let port = try await proxy.start()
    try await withTemporaryFolder { folder in
      let (code, report) = try await doctor(
        options("https://name.invalid", in: folder), in: folder, ["HTTPS_PROXY": "http://127.0.0.1:\(port)"])
      #expect(code == 69 && report.problems.first == "tcp", "\(report)")
      #expect(report["proxy"]?.detail.contains("127.0.0.1:\(port)") == true, "\(report)")
      #expect(report["tcp"]?.next?.contains("user and password") == true, "\(report)")
    }
    await proxy.stop()
  }

  @Test func `a gateway that runs is asked without an API token, and one that does not is told`() async throws {
    try await withTemporaryFolder { folder in
      try await BinaryTests.withLocal(in: folder) { _, base in
        let (code, report) = try await doctor(["--url", base], in: folder)
        #expect(
          code == 0 && report.status("configuration") == "skip" && report.status("ls-remote") == "ok", "\(report)")
      }
      let (code, report) = try await doctor([], in: folder, ["ARTIFACTS_GATEWAY_URL": "http://127.0.0.1:1"])
      #expect(code == 69 && report.problems == ["gateway"] && report.status("ls-remote") == "skip", "\(report)")
    }
  }

  @Test func `a configuration that is not complete is told first`() async throws {
    try await withTemporaryFolder { folder in
      let (code, report) = try await doctor([], in: folder)
      #expect(code == 77 && report.problems.first == "configuration", "\(report)")
      try write("listne = 1\n", to: folder + "/c.toml")
      let bad = try await doctor(["--local", "--config", "c.toml"], in: folder)
      #expect(bad.code == 65 && bad.report["configuration"]?.detail.contains("c.toml:1") == true, "\(bad.report)")
    }
  }

  @Test(arguments: [
    ("[http]\n\tproxy = http://127.0.0.1:1\n", "git http.proxy", "warn"),
    ("[http]\n\tproxy = http://127.0.0.1:1\n[http \"http://127.0.0.1:7080/\"]\n\tproxy =\n", "git http.proxy", "ok"),
    ("[http]\n\textraHeader = Authorization: canary\n", "git http.extraHeader", "warn"),
    ("[http]\n\tpostBuffer = 500m\n", "git http.postBuffer", "warn"),
    ("[http]\n\tpostBuffer = 2097152\n", "git http.postBuffer", "ok"),
    ("[credential]\n\thelper = /usr/lib/git-credential-manager\n", "git credential.helper", "warn"),
    ("[credential]\n\thelper = store\n", "git credential.helper", "ok"),
    ("[protocol \"http\"]\n\tallow = never\n", "git protocol.allow", "fail"),
    ("[protocol]\n\tallow = never\n", "git protocol.allow", "fail"),
    ("[url \"https://elsewhere.test/\"]\n\tinsteadOf = http://127.0.0.1:7080/\n", "git url.insteadOf", "fail"),
    (
      "[url \"http://127.0.0.1:9/git/\"]\n\tinsteadOf = https://acct.artifacts.cloudflare.net/git/\n",
      "git url.insteadOf", "warn"
    ),
    (
      "[url \"http://127.0.0.1:7080/git/\"]\n\tinsteadOf = https://acct.artifacts.cloudflare.net/git/\n",
      "git url.insteadOf", "ok"
    ),
    (
      "[url \"https://b.test/\"]\n\tinsteadOf = https://acct.artifacts.cloudflare.net/\n"
        + "[url \"https://c.test/\"]\n\tinsteadOf = https://b.test/\n", "git url.insteadOf", "warn"
    ),
  ])
  func `a setting of git that is in the way is told`(content: String, check: String, status: String) async throws {
    try await withTemporaryFolder { folder in
      try write(content, to: folder + "/gitconfig")
      let (_, report) = try await doctor(
        ["--local", "--account-id", "acct", "--data-dir", folder + "/data"], in: folder,
        ["GIT_CONFIG_GLOBAL": folder + "/gitconfig"])
      #expect(report.status(check) == status, "\(report)")
      for check in report.checks { #expect(!check.detail.contains("canary")) }
    }
  }

  @Test(arguments: [
    (["GIT_ALLOW_PROTOCOL": "https:ssh"], "git protocol.allow", "fail"),
    (["GIT_ALLOW_PROTOCOL": "https:http"], "git protocol.allow", "ok"),
    (["http_proxy": "http://127.0.0.1:1"], "git http.proxy", "warn"),
    (["http_proxy": "http://127.0.0.1:1", "NO_PROXY": "x, 127.0.0.1"], "git http.proxy", "ok"),
    (["PATH": "/nonexistent"], "git", "fail"),
  ])
  func `a variable that is in git's way is told`(variables: [String: String], check: String, status: String)
    async throws
  {
    try await withTemporaryFolder { folder in
      let (code, report) = try await doctor(["--url", "http://127.0.0.1:7080"], in: folder, variables)
      #expect(code != 0 && report.status(check) == status, "\(report)")
    }
  }
}
