import GatewayTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct SingleFlightTests {
  @Test func `two hundred first requests for a repo cost one look-up and one mint`() async throws {
    let gate = Gate()
    let api = ScriptedAPI()
    api.onMint { _ in
      ScriptedAnswer(
        [.wait(gate)]
          + ScriptedAPI.success(#"{"id":"t","plaintext":"art_v2_x_1","scope":"read"}"#, status: 201).steps)
    }
    try await TestGateway.with(api: api) { test in
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<200 { group.addTask { try await test.ask(.fetchRefs).status } }
        await test.apiServer.waitForRequests(2)
        gate.open()
        for try await status in group { #expect(status == 200) }
      }
      #expect(api.mints.count == 1)
      #expect(api.lookUpCount == 1)
      #expect(await test.upstream.requests.count == 200)
    }
  }

  @Test func `reading and writing, and each repo, have tokens of their own`() async throws {
    let api = ScriptedAPI()
    try await TestGateway.with(api: api) { test in
      for _ in 0..<2 {
        for repo in ["one", "two"] {
          for operation in GitOperation.allCases { _ = try await test.ask(operation, repo) }
        }
      }
      let mints = api.mints.map { "\($0.repo) \($0.isWrite)" }
      #expect(mints.sorted() == ["one false", "one true", "two false", "two true"])
      #expect(api.lookUpCount == 2)
      for request in await test.upstream.requests {
        let mint = api.mints.first { "Bearer \($0.secret)" == request.authorization }
        let isWrite = request.target.hasSuffix("receive-pack")
        #expect(mint?.isWrite == isWrite)
        #expect(mint.map { request.target.contains("/\($0.repo).git/") } == true)
      }
    }
  }

  @Test func `both spellings of a repo are one repo`() async throws {
    let api = ScriptedAPI()
    try await TestGateway.with(api: api) { test in
      for path in ["demo", "demo.git", "demo/", "demo.git/", "default/demo", "default/demo.git"] {
        let answer = try await test.ask(HTTPRequest("GET", "/git/\(path)/info/refs?service=git-upload-pack"))
        #expect(answer.status == 200)
      }
      #expect(api.mints.count == 1)
      #expect(Set(await test.upstream.requests.map(\.target)).count == 1)
    }
  }
}
