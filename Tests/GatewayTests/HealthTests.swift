import ArtifactsAPI
import Gateway
import GatewayTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct HealthTests {
  @Test func `a gateway is alive and ready without asking anybody`() async throws {
    let api = ScriptedAPI()
    try await TestGateway.with(api: api) { test in
      for path in ["/livez", "/readyz", "/readyz?verbose", "/"] {
        let answer = try await test.ask(HTTPRequest("GET", path))
        #expect(answer.status == 200, "\(path)")
        let head = try await test.ask(HTTPRequest("HEAD", path))
        #expect(head.status == 200 && head.body.isEmpty, "\(path)")
      }
      #expect(await test.apiServer.connectionCount == 0)
    }
  }

  @Test func `a gateway that drains says so and lets what runs come to its end`() async throws {
    let gate = Gate()
    try await TestGateway.with(upstream: { _ in ScriptedAnswer([.wait(gate)] + GitOperation.fetch.answer.steps) }) {
      test in
      // A connection that is open already, since none is accepted any more.
      let watcher = try await test.connect()
      async let fetch = test.ask(.fetch)
      await test.upstream.waitForRequests(1)
      test.gateway.state.advance(to: .draining)
      try await watcher.send(HTTPRequest("GET", "/readyz").bytes)
      let ready = try #require(try await watcher.receive())
      #expect(ready.status == 503 && ready.text.contains("draining"))
      async let cut = test.gateway.drain(timeout: .seconds(30))
      await watcher.waitForEnd()
      gate.open()
      let answer = try await fetch
      #expect(answer.body == GitOperation.fetch.answerBody)
      let count = await cut
      #expect(count == 0)
      await watcher.close()
    }
  }

  @Test func `every check is told, with its reason`() async throws {
    try await TestGateway.with(configure: {
      $0.cacheDirectory = "/dev/null/packs"
      $0.endpoint = APIEndpoint(base: $0.endpoint.base, accountID: "acct", token: { nil })
    }) { test in
      let answer = try await test.ask(HTTPRequest("GET", "/readyz?verbose"))
      #expect(answer.status == 503 && answer.field("content-type") == "application/json")
      let report = try JSONTree(parsing: answer.body)
      #expect(report["ready"] == .bool(false) && report["state"].text == "ready")
      let checks = report["checks"].items.map { "\($0["name"].text ?? ""): \($0["reason"].text ?? "") \($0["ok"])" }
      #expect(
        checks == [
          "started: started bool(true)", "draining: not draining bool(true)", "listeners: 1 open bool(true)",
          "credentials: no API token bool(false)",
          "cache_directory: cannot be used: packs are not cached bool(false)",
        ])
      #expect(try await test.ask(HTTPRequest("GET", "/readyz")).text == "[-] no API token\n")
    }
  }

  @Test func `a cache that cannot be used keeps nobody away`() async throws {
    try await TestGateway.with(configure: { $0.cacheDirectory = "/dev/null/packs" }) { test in
      let answer = try await test.ask(HTTPRequest("GET", "/readyz?verbose"))
      #expect(answer.status == 200)
      #expect(try JSONTree(parsing: answer.body)["ready"] == .bool(true))
    }
  }

  @Test func `what does not end in time is cut and counted`() async throws {
    try await TestGateway.with(upstream: { _ in ScriptedAnswer([.stall]) }) { test in
      let connection = try await test.connect()
      try await connection.send(GitOperation.fetch.request().bytes)
      await test.upstream.waitForRequests(1)
      let cut = await test.gateway.drain(timeout: .zero)
      #expect(cut == 1)
      await connection.waitForEnd()
      await connection.close()
      await test.upstream.waitForEnd(ofRequest: 0)
    }
  }
}
