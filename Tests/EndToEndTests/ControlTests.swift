import EventLoop
import GatewayTestSupport
import Glibc
import Testing

/// Reloading and leaving, with the real program.
@Suite(.enabled(if: Git.isThere && RunningBinary.isThere), .timeLimit(.minutes(5))) struct ControlTests {
  /// The program in local mode, and its configuration file.
  private struct Running {
    let binary: RunningBinary
    let file: String

    func ask(_ request: HTTPRequest) async throws -> HTTPAnswer {
      let connection = try await HTTPConnection.open(port: try await binary.port(), on: binary.loop)
      try await connection.send(request.bytes)
      let answer = try await connection.receive()
      await connection.close()
      guard let answer else { throw TestFailure("no answer") }
      return answer
    }
  }

  private func withFile<Result>(
    _ content: String, _ options: [String] = [], _ body: (Running) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryFolder { folder in
      let file = folder + "/c.toml"
      try write(content, to: file)
      return try await BinaryTests.withLocal(in: folder, ["--config", file] + options) { binary, _ in
        try await body(Running(binary: binary, file: file))
      }
    }
  }

  private static let reload = HTTPRequest("POST", "/-/reload")
  private static let pushRefs = HTTPRequest("GET", "/git/hello/info/refs?service=git-receive-pack")

  @Test func `quit ends it in order`() async throws {
    try await withFile("") { test in
      let looked = try await test.ask(HTTPRequest("GET", "/-/quit"))
      let asked = try await test.ask(HTTPRequest("POST", "/-/quit"))
      #expect((looked.status, asked.status) == (405, 202))
      #expect(try await test.binary.exitCode() == 0)
      #expect(await test.binary.output.text.contains("draining"))
    }
  }

  @Test func `a reload takes what may change, and names what needs a restart`() async throws {
    try await withFile("read_only = false\nnamespace = \"default\"\n") { test in
      #expect(try await test.ask(Self.pushRefs).status == 200)
      try write("read_only = true\nnamespace = \"other\"\nlog_level = \"warning\"\n", to: test.file)
      let answer = try await test.ask(Self.reload)
      #expect((answer.status, answer.text) == (200, "reloaded: log_level, read_only\nneeds a restart: namespace\n"))
      _ = try await test.binary.output.line(containing: "\"keys\":\"namespace\"")
      // At the new level, what went well is not told any more.
      #expect(try await test.ask(HTTPRequest("GET", "/api/v1/openapi.json")).status == 200)
      #expect(try await test.ask(Self.pushRefs).status == 403)
      _ = try await test.binary.output.line(containing: "\"status\":403")
      #expect(await !test.binary.output.text.contains("openapi.json"))
      #expect(try await test.ask(Self.reload).text == "reloaded, nothing changed\nneeds a restart: namespace\n")
    }
  }

  @Test func `a bad file changes nothing, and its line is named`() async throws {
    try await withFile("read_only = true\n") { test in
      try write("read_only = false\nlog_levle = \"debug\"\n", to: test.file)
      let answer = try await test.ask(Self.reload)
      #expect(answer.status == 500 && answer.field("x-artifacts-gateway-error") == "bad_configuration")
      #expect(answer.text.contains("c.toml:2: unknown key \"log_levle\"; did you mean \"log_level\"?"), "\(answer)")
      #expect(try await test.ask(Self.pushRefs).status == 403)
      await test.binary.send(SIGHUP)
      _ = try await test.binary.output.line(containing: "configuration not reloaded")
      #expect(try await test.ask(Self.pushRefs).status == 403)
      try write("read_only = false\n", to: test.file)
      await test.binary.send(SIGHUP)
      _ = try await test.binary.output.line(containing: "\"message\":\"configuration reloaded\"")
      #expect(try await test.ask(Self.pushRefs).status == 200)
    }
  }

  @Test func `a reload cuts no transfer`() async throws {
    try await withTemporaryFolder { folder in
      try write("", to: folder + "/c.toml")
      try await BinaryTests.withLocal(in: folder, ["--config", folder + "/c.toml"]) { binary, base in
        let git = Git(in: folder)
        try await BinaryTests.pushBig(git, base, bytes: 16 << 20)
        let connection = try await BinaryTests.beginFetch(git, base, binary)
        try write("max_transfers = 1\nmax_connections = 1\nread_only = true\n", to: folder + "/c.toml")
        await binary.send(SIGHUP)
        _ = try await binary.output.line(containing: "\"message\":\"configuration reloaded\"")
        let (count, _, isWhole) = try await connection.rest()
        #expect(isWhole && count > 16 << 20)
        await connection.close()
      }
    }
  }

  @Test func `another file with the API token counts from the next call on`() async throws {
    let group = try TestLoops.take()
    defer { TestLoops.give(group) }
    let api = ScriptedServer(on: group.loops[0]) { _ in
      .json(200, #"{"result":[],"success":true,"errors":[],"messages":[]}"#)
    }
    let base = "http://127.0.0.1:\(try await api.start())"
    try await withTemporaryFolder { folder in
      for name in ["first", "second"] { try write(name, to: "\(folder)/\(name)") }
      let file = folder + "/c.toml"
      try write("api_token_file = \"\(folder)/first\"\n", to: file)
      let arguments = [
        "serve", "--listen", "127.0.0.1:0", "--api-base", base, "--allow-insecure-upstream", "--account-id", "acct",
        "--config", file,
      ]
      try await RunningBinary.with(arguments, in: folder) { binary in
        let connection = try await HTTPConnection.open(port: try await binary.port(), on: binary.loop)
        func status(_ request: HTTPRequest) async throws -> Int? {
          try await connection.send(request.bytes)
          return try await connection.receive()?.status
        }
        #expect(try await status(HTTPRequest("GET", "/api/v1/repos")) == 200)
        try write("api_token_file = \"\(folder)/second\"\n", to: file)
        #expect(try await status(Self.reload) == 200)
        #expect(try await status(HTTPRequest("GET", "/api/v1/repos")) == 200)
        await connection.close()
      }
    }
    #expect(await api.requests.map(\.authorization) == ["Bearer first", "Bearer second"])
    await api.stop()
  }

  @Test func `it ends by itself when nobody asks anything but its health`() async throws {
    try await withFile("", ["--exit-on-idle", "1s"]) { test in
      let ended = Task { try await test.binary.exitCode() }
      // Until it is gone.
      while (try? await test.ask(HTTPRequest("GET", "/readyz")).status) == 200 {}
      let code = try await ended.value
      #expect(code == 0)
      #expect(await test.binary.output.text.contains("\"message\":\"idle\""))
    }
  }

  @Test(.enabled(if: Git.tool("python3")), arguments: [false, true])
  func `it ends when its terminal hangs up, unless it was started to survive that`(survives: Bool) async throws {
    try await withTemporaryFolder { folder in
      let program = """
        import os, pty, select, signal, sys
        reading, writing = os.pipe()
        pid, terminal = pty.fork()
        if pid == 0:
            os.dup2(writing, 2)
            if sys.argv[1] == "True": signal.signal(signal.SIGHUP, signal.SIG_IGN)
            os.execv(sys.argv[2], sys.argv[2:])
        os.close(writing)
        log = b""
        while b'"message":"listening"' not in log: log += os.read(reading, 65536)
        os.close(terminal)
        if sys.argv[1] == "True":
            # What comes of it is told after what came of the hang-up. While that is pending, it is lost.
            while b"configuration reloaded" not in log:
                os.kill(pid, signal.SIGHUP)
                if select.select([reading], [], [], 0.1)[0]: log += os.read(reading, 65536)
                if b'"message":"draining"' in log: sys.exit("it has ended")
            os.kill(pid, signal.SIGTERM)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status))
        """
      let arguments = ["serve", "--local", "--listen", "127.0.0.1:0", "--data-dir", folder + "/data"]
      let outcome = try await ExternalTool("python3").run(
        ["-c", program, survives ? "True" : "False", RunningBinary.path ?? ""] + arguments, in: folder)
      #expect(outcome.text == "0\n", "\(outcome.text)")
    }
  }
}
