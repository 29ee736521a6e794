import GatewayTestSupport
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5))) struct TokenRefusalTests {
  static let refusals: [ScriptedAnswer] = [
    .response(403, text: "Invalid or expired token"), .response(401, text: "Authentication required"),
    // Before the request has come to its end, as a service does that looks at the head first.
    .response(403, text: "Invalid or expired token", moment: .afterHead),
  ]

  /// Tokens that the upstream refuses.
  private final class Dead: Sendable {
    private let tokens = Mutex<Set<String>>([])

    func insert(_ token: String) { tokens.withLock { _ = $0.insert("Bearer \(token)") } }

    func contains(_ request: RecordedRequest) -> Bool {
      tokens.withLock { $0.contains(request.authorization ?? "") }
    }
  }

  @Test(arguments: GitOperation.allCases, refusals.indices)
  func `a refused token is replaced, and the client notices nothing`(operation: GitOperation, refusal: Int) async throws
  {
    let api = ScriptedAPI()
    let dead = Dead()
    let upstream: ScriptedServer.Script = {
      dead.contains($0) ? Self.refusals[refusal] : TestGateway.healthy($0)
    }
    try await TestGateway.with(upstream: upstream, api: api) { test in
      for round in 1...3 {
        let answer = try await test.ask(operation)
        #expect(answer.status == 200)
        #expect(answer.body == operation.answerBody)
        #expect(answer.field("x-artifacts-gateway-error") == nil)
        #expect(api.mints.count == round)
        if let last = api.mints.last { dead.insert(last.secret) }
      }
      let requests = await test.upstream.requests
      #expect(requests.count == 5)
      #expect(requests.filter { !dead.contains($0) || $0.isWhole }.allSatisfy { $0.body == operation.body })
    }
  }

  @Test(arguments: [HTTPRequest.Framing.length, .chunked(8192), .chunked(100_000)])
  func `a push of many blocks whose token is refused at its head is sent again`(framing: HTTPRequest.Framing)
    async throws
  {
    let api = ScriptedAPI()
    let dead = Dead()
    let upstream: ScriptedServer.Script = {
      dead.contains($0) ? Self.refusals[2] : TestGateway.healthy($0)
    }
    let body = GitOperation.push(bytes: 500_000)
    try await TestGateway.with(upstream: upstream, api: api) { test in
      _ = try await test.ask(.pushRefs)
      dead.insert(try #require(api.mints.last).secret)
      var request = GitOperation.push.request(body: body)
      request.framing = framing
      let answer = try await test.ask(request)
      #expect(answer.body == GitOperation.push.answerBody)
      #expect(api.mints.count == 2)
      let last = await test.upstream.requests.last
      #expect(last?.body == body)
    }
  }

  @Test func `a hundred requests with one refused token cost one mint`() async throws {
    let api = ScriptedAPI()
    let dead = Dead()
    let upstream: ScriptedServer.Script = {
      dead.contains($0) ? Self.refusals[0] : TestGateway.healthy($0)
    }
    try await TestGateway.with(upstream: upstream, api: api) { test in
      _ = try await test.ask(.fetchRefs)
      dead.insert(try #require(api.mints.last).secret)
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<100 { group.addTask { try await test.ask(.fetchRefs).status } }
        for try await status in group { #expect(status == 200) }
      }
      #expect(api.mints.count == 2)
    }
  }

  @Test(arguments: GitOperation.allCases)
  func `tokens that are all refused end in a clear error, not in a loop`(operation: GitOperation) async throws {
    let api = ScriptedAPI()
    try await TestGateway.with(upstream: { _ in Self.refusals[0] }, api: api) { test in
      for agent in [GitOperation.git, GitOperation.curl] {
        let before = (api.mints.count, await test.upstream.requests.count)
        let answer = try await test.ask(operation, userAgent: agent)
        expectError(answer, 403, "credentials", to: operation, userAgent: agent)
        #expect(api.mints.count - before.0 <= 2)
        #expect(await test.upstream.requests.count - before.1 == 2)
        if operation != .probe { #expect(answer.text.contains("Invalid or expired token")) }
      }
    }
  }

  @Test func `a token whose scope does not suffice is not replaced`() async throws {
    let api = ScriptedAPI()
    try await TestGateway.with(upstream: { _ in .response(403, text: "Insufficient permissions") }, api: api) { test in
      let answer = try await test.ask(.pushRefs)
      expectError(answer, 403, "credentials", to: .pushRefs, userAgent: GitOperation.git)
      #expect(api.mints.count == 1)
    }
  }

  @Test func `a refusal while the API is down says both`() async throws {
    let api = ScriptedAPI()
    api.onMint { $0 == 0 ? nil : ScriptedAPI.failure(500, 10400, "boom") }
    try await TestGateway.with(upstream: { _ in Self.refusals[0] }, api: api) { test in
      let answer = try await test.ask(.fetchRefs)
      expectError(answer, 403, "credentials", to: .fetchRefs, userAgent: GitOperation.git)
      #expect(await test.upstream.requests.count == 1)
    }
  }

  @Test(arguments: GitOperation.allCases)
  func `a refusal because the repo is gone says that it is gone`(operation: GitOperation) async throws {
    let api = ScriptedAPI()
    api.onMint { $0 == 0 ? nil : ScriptedAPI.failure(404, 10200, "Repository not found") }
    try await TestGateway.with(upstream: { _ in Self.refusals[0] }, api: api) { test in
      let answer = try await test.ask(operation)
      expectError(answer, 404, "no_such_repo", to: operation, userAgent: GitOperation.git)
      if operation != .probe { #expect(answer.text.contains("curl -X PUT http://localhost/api/v1/repos/demo")) }
    }
  }

  @Test func `tokens without ids are replaced as well`() async throws {
    let api = ScriptedAPI()
    let dead = Dead()
    api.onMint { .json(201, #"{"result":{"plaintext":"art_v1_\#($0)"},"success":true}"#) }
    let upstream: ScriptedServer.Script = {
      dead.contains($0) ? Self.refusals[0] : TestGateway.healthy($0)
    }
    try await TestGateway.with(upstream: upstream, api: api) { test in
      _ = try await test.ask(.fetchRefs)
      dead.insert("art_v1_0")
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<50 { group.addTask { try await test.ask(.fetchRefs).status } }
        for try await status in group { #expect(status == 200) }
      }
      #expect(api.mints.count == 2)
    }
  }
}
