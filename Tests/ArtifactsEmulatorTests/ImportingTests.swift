import ArtifactsEmulator
import EventLoop
import GatewayTestSupport
import Testing

@Suite struct ImportingTests {
  private let loopback = ImportRule(allowsLoopbackHTTP: true)

  private func ask(_ server: RunningEmulator, _ body: String, as name: String = "copy") async throws -> RawAnswer {
    try await server.api("POST", "/repos/\(name)/import", body)
  }

  /// An emulator, and a repository of three commits whose HEAD is `trunk`, beside a branch, a tag and a pull request.
  private func withSource(_ body: (RunningEmulator, String) async throws -> Void) async throws {
    try await RunningEmulator.with(imports: loopback) { server in
      try await server.workTree("work")
      try await server.git(["-C", "work", "branch", "-m", "trunk"])
      try await server.git(["-C", "work", "branch", "side"])
      try await server.git(["-C", "work", "tag", "v1"])
      for name in ["second", "third"] {
        try await server.git(["-C", "work", "commit", "-q", "--allow-empty", "-m", name])
      }
      try await server.git(["-C", "work", "update-ref", "refs/pull/1/head", "HEAD"])
      try await GitSource.with(server.folder + "/work/.git") { source in
        try await body(server, "http://127.0.0.1:\(source.port)/owner/repo")
      }
    }
  }

  /// The refs of an imported repo, HEAD first.
  private func refs(_ server: RunningEmulator, _ answer: RawAnswer) async throws -> [String] {
    let result = try #require(answer.json?["result"], "\(answer)")
    let remote = try #require(result["remote"]?.text)
    return try await server.git(["ls-remote", remote], token: try #require(result["token"]?.text))
      .split(separator: "\n").compactMap { $0.split(separator: "\t").last.map(String.init) }
  }

  @Test func `an import has the source's refs and HEAD, and is called main all the same`() async throws {
    try await withSource { server, url in
      let made = try await ask(server, #"{"url":"\#(url)","read_only":true}"#)
      #expect(made.status == 201)
      #expect(
        made.json?["result"]?.fieldNames == ["id", "name", "description", "default_branch", "remote", "token"])
      #expect(made.json?["result"]?["default_branch"] == .string("main"))
      #expect(
        try await refs(server, made) == ["HEAD", "refs/heads/side", "refs/heads/trunk", "refs/tags/v1"])
      let read = try await server.api("GET", "/repos/copy").json?["result"]
      #expect(read?["source"] == .string("git:\(url).git"))
      #expect(read?["read_only"] == .bool(true))
      #expect(try await server.api("GET", "/repos/copy/log").items.count == 3)
      let again = try await ask(server, #"{"url":"\#(url)"}"#)
      #expect((again.status, again.code, again.message) == (409, 10201, "repo already exists: copy"))
    }
  }

  @Test func `a branch or a depth brings one branch only`() async throws {
    try await withSource { server, url in
      let side = try await ask(server, #"{"url":"\#(url)/","branch":"side"}"#, as: "side")
      #expect(side.json?["result"]?["default_branch"] == .string("side"))
      #expect(try await refs(server, side) == ["HEAD", "refs/heads/side"])
      let shallow = try await ask(server, #"{"url":"\#(url).git","depth":1}"#, as: "shallow")
      #expect(try await refs(server, shallow) == ["HEAD", "refs/heads/trunk"])
      #expect(try await server.api("GET", "/repos/shallow/log").items.count == 1)
      let none = try await ask(server, #"{"url":"\#(url)","branch":"none"}"#, as: "none")
      #expect((none.status, none.code, none.pointer) == (404, 10200, "/branch"))
      #expect(try await server.api("GET", "/repos/none").status == 404)
    }
  }

  @Test(arguments: [
    ("{}", 10100, "Invalid input: expected string, received undefined"),
    (#"{"url":"http://github.com/octocat/Hello-World"}"#, 10100, "Must be an HTTPS URL"),
    (#"{"url":"http://127.0.0.1.example.com/a"}"#, 10100, "Must be an HTTPS URL"),
    (#"{"url":"http://127.0.0.1:1@example.com/a"}"#, 10100, "Must be an HTTPS URL"),
    (#"{"url":"git@github.com:a/b"}"#, 10100, "Must be an HTTPS URL"),
    (#"{"url":"file:///etc"}"#, 10100, "Must be an HTTPS URL"),
    (#"{"url":"https://example.com/a\n"}"#, 10100, "Must be an HTTPS URL"),
    (
      #"{"url":"https://example.com/"}"#, 10104,
      "url must be an HTTPS git remote URL (e.g. https://github.com/owner/repo)"
    ),
    (
      #"{"url":"https://user:secret@example.com/a"}"#, 10104,
      "url must be an HTTPS git remote URL (e.g. https://github.com/owner/repo)"
    ),
  ])
  func `an address that cannot be is refused`(body: String, code: Int, message: String) async throws {
    try await RunningEmulator.with(imports: loopback) { server in
      let answer = try await ask(server, body)
      #expect((answer.status, answer.code, answer.message, answer.pointer) == (400, code, message, "/url"))
    }
  }

  @Test func `plain http is refused unless it is allowed`() async throws {
    try await RunningEmulator.with { server in
      let answer = try await ask(server, #"{"url":"http://127.0.0.1:9/a/b"}"#)
      #expect((answer.status, answer.code, answer.message) == (400, 10100, "Must be an HTTPS URL"))
    }
  }

  @Test(arguments: [(401, 422, 10106), (403, 422, 10106), (404, 400, 10104), (200, 400, 10104), (503, 502, 10401)])
  func `a source that does not give is told as recorded`(status: Int, expected: Int, code: Int) async throws {
    try await RunningEmulator.with(imports: loopback) { server in
      try await withScript({ _ in
        let fields = [("Content-Type", "text/plain"), ("WWW-Authenticate", "Basic realm=\"x\"")]
        return .response(status, fields, Array("<html>\n".utf8))
      }) { _, port in
        let url = "http://localhost:\(port)/a/b"
        let answer = try await ask(server, #"{"url":"\#(url)"}"#)
        #expect((answer.status, answer.code) == (expected, code), "\(answer)")
        if code == 10106 {
          #expect(
            answer.message == "Repository \"\(url).git\" requires authentication (HTTP \(status)). "
              + "Only public repositories can be imported.")
        }
        #expect(try await server.api("GET", "/repos/copy").status == 404)
      }
    }
  }

  @Test func `a redirect to another scheme is not followed`() async throws {
    try await RunningEmulator.with(imports: loopback) { server in
      try await withScript({ _ in .response(302, [("Location", "ftp://127.0.0.1:9/a/b.git/info/refs")]) }) { _, port in
        let answer = try await ask(server, #"{"url":"http://localhost:\#(port)/a/b"}"#)
        #expect((answer.status, answer.code) == (400, 10104), "\(answer)")
      }
    }
  }

  @Test func `a source that does not answer is given up`() async throws {
    let rule = ImportRule(allowsLoopbackHTTP: true, timeLimit: .milliseconds(200))
    try await RunningEmulator.with(imports: rule) { server in
      try await withScript({ _ in ScriptedAnswer([.stall]) }) { _, port in
        let answer = try await ask(server, #"{"url":"http://localhost:\#(port)/a/b"}"#)
        #expect((answer.status, answer.code) == (502, 10401), "\(answer)")
      }
    }
  }

  @Test func `while an import runs its repo is listed and closed`() async throws {
    let gate = Gate()
    try await RunningEmulator.with(imports: loopback) { server in
      try await withScript({ _ in ScriptedAnswer([.wait(gate), .close]) }) { source, port in
        async let answer = ask(server, #"{"url":"http://localhost:\#(port)/a/b"}"#)
        await source.waitForRequests(1)
        let listed = try await server.api("GET", "/repos").items
        #expect(listed.map { $0["status"]?.text } == ["importing"])
        for (method, path, body) in [
          ("GET", "/repos/copy", ""), ("GET", "/repos/copy/log", ""), ("GET", "/repos/copy/tokens", ""),
          ("DELETE", "/repos/copy", ""), ("POST", "/tokens", #"{"repo":"copy"}"#),
          ("POST", "/repos/copy/import", #"{"url":"https://example.com/a/b"}"#),
          ("POST", "/repos/copy/fork", #"{"name":"other"}"#),
        ] {
          let refused = try await server.api(method, path, body)
          #expect((refused.status, refused.code) == (409, 10302), "\(method) \(path)")
        }
        #expect(try await server.api("POST", "/repos", #"{"name":"copy"}"#).code == 10201)
        gate.open()
        #expect(try await answer.code == 10401)
        #expect(try await server.api("GET", "/repos").items.isEmpty)
      }
    }
  }

  /// A source on a port of its own that answers as scripted.
  private func withScript(
    _ script: @escaping ScriptedServer.Script, _ body: (ScriptedServer, UInt16) async throws -> Void
  ) async throws {
    let group = try LoopGroup(count: 1)
    let server = ScriptedServer(on: group.loops[0], script: script)
    let port = try await server.start()
    func end() async {
      await server.stop()
      await server.waitForNoConnections()
      group.shutdown()
    }
    do {
      try await body(server, port)
      await end()
    } catch {
      await end()
      throw error
    }
  }
}
