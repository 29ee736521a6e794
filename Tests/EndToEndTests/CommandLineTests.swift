import GatewayTestSupport
import Testing

@Suite(.enabled(if: RunningBinary.isThere), .timeLimit(.minutes(5))) struct CommandLineTests {
  @Test(arguments: [
    (["serve", "--nonsense"], 64, "--nonsense"), (["serve", "--threads", "many"], 64, "many"),
    (["dance"], 64, "dance"),
    (["serve", "--local", "--listen", "nowhere"], 65, "is not an address such as 127.0.0.1:7080"),
    (["serve", "--local", "--listen", "0.0.0.0:0"], 65, "--allow-anonymous"),
    (["serve", "--local", "--log-level", "loud"], 65, "--log-level: "),
    (["serve", "--local", "--log-format", "xml"], 65, "--log-format: "),
    (["serve", "--local", "--drain-timeout", "soon"], 65, "--drain-timeout: "),
    (["serve", "--local", "--token-ttl", "5"], 65, "--token-ttl: "),
    (["serve", "--local", "--namespace", "../x"], 65, "--namespace: "),
    (["serve"], 77, "CLOUDFLARE_API_TOKEN"), ([], 77, "serve --local"),
    (["serve", "--api-token-file", "/nonexistent"], 77, "/nonexistent cannot be read"),
    (["serve", "--static-token-file", "/nonexistent"], 65, "remote_template"),
    (["emulator", "--listen", "0.0.0.0:0"], 65, "loopback"),
    (["emulator", "--listen", "127.0.0.1:0", "--api-token-file", "/nonexistent"], 77, "/nonexistent"),
  ])
  func `what is wrong is said, with the code for it`(arguments: [String], code: Int, says: String) async throws {
    try await withTemporaryFolder { folder in
      let outcome = try await RunningBinary.run(arguments, in: folder)
      #expect(outcome.code == code, "\(outcome.text)")
      #expect(outcome.text.contains(says), "\(outcome.text)")
    }
  }

  @Test func `a setting of the environment is checked as its flag is`() async throws {
    try await withTemporaryFolder { folder in
      let outcome = try await RunningBinary.run(
        ["serve", "--local"], in: folder, ["ARTIFACTS_GATEWAY_LISTEN": "nowhere"])
      #expect(outcome.code == 65 && outcome.text.contains("nowhere"), "\(outcome.text)")
    }
  }

  @Test func `a port that is taken is an error of input and output`() async throws {
    try await withTemporaryFolder { folder in
      try await BinaryTests.withLocal(in: folder) { binary, _ in
        let port = try await binary.port()
        let outcome = try await RunningBinary.run(
          ["serve", "--local", "--listen", "127.0.0.1:\(port)", "--data-dir", folder + "/other"], in: folder)
        #expect(outcome.code == 74)
        #expect(outcome.text.contains("cannot listen on 127.0.0.1:\(port)"), "\(outcome.text)")
        // So is a data folder that another one uses.
        let second = try await RunningBinary.run(
          ["serve", "--local", "--listen", "127.0.0.1:0", "--data-dir", folder + "/data"], in: folder)
        #expect(second.code == 74 && second.text.contains("in use"), "\(second.text)")
      }
    }
  }

  @Test func `the version is one JSON object`() async throws {
    try await withTemporaryFolder { folder in
      let outcome = try await RunningBinary.run(["version", "--json"], in: folder)
      #expect(outcome.code == 0)
      let line = outcome.text
      #expect(line.hasPrefix("{\"") && line.hasSuffix("\"}\n"))
      for name in ["version", "commit", "swift", "openssl", "nghttp2"] { #expect(line.contains("\"\(name)\":\"")) }
      #expect(try await RunningBinary.run(["version"], in: folder).code == 0)
    }
  }

  @Test(arguments: [["--help"], ["serve", "--help"], ["emulator", "--help"], ["version", "--help"]])
  func `help names the exit codes`(arguments: [String]) async throws {
    try await withTemporaryFolder { folder in
      let outcome = try await RunningBinary.run(arguments, in: folder)
      #expect(outcome.code == 0)
      if arguments.count > 1 { #expect(outcome.text.contains("77 credentials"), "\(outcome.text)") }
    }
  }

  @Test(.enabled(if: Git.isThere), arguments: [false, true])
  func `local mode imports over http from this machine if it is told to`(isAllowed: Bool) async throws {
    try await withTemporaryFolder { folder in
      let arguments = isAllowed ? ["--allow-loopback-import"] : []
      let serve = ["serve", "--local", "--listen", "127.0.0.1:0", "--data-dir", folder + "/data"]
      try await RunningBinary.with(serve + arguments, in: folder) { binary in
        let port = try await binary.port()
        let connection = try await HTTPConnection.open(port: port, on: binary.loop)
        let body = #"{"url":"http://127.0.0.1:\#(port)/git/hello"}"#
        let request = HTTPRequest(
          "POST", "/api/v1/repos/copy/import", [("Content-Type", "application/json")], body: Array(body.utf8))
        try await connection.send(request.bytes)
        #expect(try await connection.receive()?.status == (isAllowed ? 201 : 400))
        await connection.close()
      }
    }
  }
}
