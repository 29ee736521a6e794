import GatewayTestSupport
import Testing

/// What passes through the gateway is not held by it, measured on a gateway that is a process of its own.
@Suite(.enabled(if: Git.isThere && RunningBinary.isThere), .timeLimit(.minutes(5))) struct StreamingMemoryTests {
  private static let growth = 8 << 20

  @Test func `a list of many repos passes through as it comes`() async throws {
    try await SeparateService.with { test in
      let connection = try await test.connect()
      func ask(_ request: HTTPRequest) async throws -> HTTPAnswer {
        try await connection.send(request.bytes)
        guard let answer = try await connection.receive() else { throw TestFailure("no answer") }
        return answer
      }
      let json = [("Content-Type", "application/json")]
      let text = String(repeating: "d", count: 20_000)
      for number in 0..<450 {
        let body = #"{"name":"r\#(number)","description":"\#(text)"}"#
        #expect(try await ask(HTTPRequest("POST", "/api/v1/repos", json, body: Array(body.utf8))).status == 201)
      }
      let lines = [("Accept", "application/x-ndjson")]
      #expect(try await ask(HTTPRequest("GET", "/api/v1/repos?search=r449", lines)).status == 200)
      let before = try await test.gateway.peakMemory()
      // Fifteen pages of 600 KB.
      let answer = try await ask(HTTPRequest("GET", "/api/v1/repos?limit=30", lines))
      #expect(answer.isWhole && answer.body.count > 9_000_000)
      #expect(Set(answer.text.split(separator: "\n")).count == 450)
      let peak = try await test.gateway.peakMemory()
      #expect(peak - before < Self.growth, "from \(before >> 10) to \(peak >> 10) KiB")
      await connection.close()
    }
  }

  @Test func `a file of thirty megabytes passes through as it comes, also to a client that stops reading`() async throws
  {
    try await SeparateService.with { test in
      let base = "http://127.0.0.1:\(try await test.gateway.port())"
      let size = 30_000_000
      try await ShellScript(
        """
        curl -sf -X PUT \(base)/api/v1/repos/big -o /dev/null
        git init -q work
        head -c \(size) /dev/urandom >work/big.bin
        git -C work add .
        git -C work -c user.name=x -c user.email=x@localhost commit -q -m big
        git -C work push -q \(base)/git/big HEAD:refs/heads/main
        curl -sf \(base)/api/v1/repos/big/log -o /dev/null
        """
      ).run(in: test.folder)
      let before = try await test.gateway.peakMemory()
      let raw = HTTPRequest("GET", "/api/v1/repos/big/raw/main/big.bin")
      let stopped = try await test.connect()
      try await stopped.send(raw.bytes)
      #expect(try await stopped.begin() == 200)
      let printed = try await ShellScript(
        "curl -sf \(base)/api/v1/repos/big/raw/main/big.bin | cmp - work/big.bin && echo same"
      ).run(in: test.folder)
      #expect(printed == "same\n")
      let rest = try await stopped.rest()
      #expect((rest.count, rest.isWhole) == (size, true))
      await stopped.close()
      let peak = try await test.gateway.peakMemory()
      #expect(peak - before < Self.growth, "from \(before >> 10) to \(peak >> 10) KiB")
    }
  }
}
