import GatewayTestSupport
import HTTPTransport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(5))) struct TransferLimitTests {
  /// An upstream that holds packs back until the gate is opened.
  private static func holding(_ gate: Gate) -> ScriptedServer.Script {
    { request in
      guard let operation = GitOperation(request), request.isPost else { return TestGateway.healthy(request) }
      return ScriptedAnswer([.wait(gate)] + operation.answer.steps)
    }
  }

  @Test(arguments: [GitOperation.fetch, .push])
  func `one transfer too many waits for its turn`(operation: GitOperation) async throws {
    let gate = Gate()
    try await TestGateway.with(
      upstream: Self.holding(gate),
      configure: {
        $0.maxTransfers = 1
        $0.transferPatience = .seconds(60)
      }
    ) { test in
      async let first = test.ask(.fetch)
      await test.upstream.waitForRequests(1)
      async let second = test.ask(operation)
      // Refs are no transfers.
      #expect(try await test.ask(.fetchRefs).status == 200)
      #expect(await test.upstream.requests.count == 2)
      gate.open()
      #expect(try await first.status == 200)
      let answer = try await second
      #expect(answer.status == 200 && answer.body == operation.answerBody)
    }
  }

  @Test(arguments: [GitOperation.fetch, .push, .probe], [GitOperation.git, GitOperation.curl])
  func `who has waited too long is told that the gateway is busy`(operation: GitOperation, agent: String) async throws {
    let gate = Gate()
    try await TestGateway.with(
      upstream: Self.holding(gate),
      configure: {
        $0.maxTransfers = 1
        $0.transferPatience = .milliseconds(20)
      }
    ) { test in
      async let first = test.ask(.fetch)
      await test.upstream.waitForRequests(1)
      let answer = try await test.ask(operation, userAgent: agent)
      expectError(answer, 503, "busy", to: operation, userAgent: agent)
      if agent == GitOperation.curl { #expect(answer.field("retry-after") == "5") }
      gate.open()
      #expect(try await first.status == 200)
      // The place is free again.
      #expect(try await test.ask(operation, userAgent: agent).status == 200)
    }
  }

  @Test func `a queue that is full refuses at once`() async throws {
    let gate = Gate()
    try await TestGateway.with(
      upstream: Self.holding(gate),
      configure: {
        $0.maxTransfers = 2
        $0.transferPatience = .seconds(60)
      }
    ) { test in
      try await withThrowingTaskGroup(of: HTTPAnswer.self) { group in
        for _ in 0..<5 { group.addTask { try await test.ask(.fetch) } }
        let refused = try #require(try await group.next())
        expectError(refused, 503, "busy", to: .fetch, userAgent: GitOperation.git)
        gate.open()
        for try await answer in group { #expect(answer.body == GitOperation.fetch.answerBody) }
      }
      #expect(await test.upstream.requests.count == 4)
    }
  }

  @Test func `a client that leaves its transfer gives its place away`() async throws {
    let script: ScriptedServer.Script = { request in
      request.target.contains("/slow.git/") ? ScriptedAnswer([.stall]) : TestGateway.healthy(request)
    }
    try await TestGateway.with(upstream: script, configure: { $0.maxTransfers = 1 }) { test in
      let leaving = try await test.connect()
      try await leaving.send(GitOperation.fetch.request("slow").bytes)
      await test.upstream.waitForRequests(1)
      await leaving.close()
      await test.upstream.waitForEnd(ofRequest: 0)
      #expect(try await test.ask(.fetch).status == 200)
    }
  }
}
