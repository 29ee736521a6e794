import GatewayTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct FaultTests {
  @Test(arguments: Fault.allCases)
  func `a fault of the upstream is told in the client's own form`(fault: Fault) async throws {
    try await concurrently(GitOperation.allCases) { operation in
      try await TestGateway.with(upstream: { _ in fault.answer(to: operation) }) {
        if fault.isStall { $0.becomeImpatient() }
      } _: { test in
        let (status, code) = fault.expected
        try await concurrently([GitOperation.git, GitOperation.curl]) { agent in
          let answer = try await test.ask(operation, userAgent: agent)
          expectError(answer, status, code, to: operation, userAgent: agent)
          if fault == .status429, answer.status == 429 { #expect(answer.field("retry-after") == "40") }
        }
      }
    }
  }

  @Test(arguments: GitOperation.allCases)
  func `an upstream that nobody answers at is told`(operation: GitOperation) async throws {
    try await TestGateway.with { test in
      await test.upstream.stop()
      try await concurrently([GitOperation.git, GitOperation.curl]) { agent in
        let answer = try await test.ask(operation, userAgent: agent)
        expectError(answer, 502, "upstream_unreachable", to: operation, userAgent: agent)
      }
    }
  }

  @Test func `a push without side-band gets the status`() async throws {
    try await TestGateway.with(upstream: { _ in Fault.status500.answer(to: .push) }) { test in
      let body = GitOperation.pushHead("report-status") + Array("PACK".utf8)
      let answer = try await test.ask(GitOperation.push.request(body: body))
      #expect(answer.status == 502)
      #expect(answer.text.contains("boom"))
    }
  }

  @Test(arguments: [Fault.reset, .closed, .status503, .garbage])
  func `a fetch is tried again, a push is not`(fault: Fault) async throws {
    try await TestGateway.with(upstream: { request in
      GitOperation(request).map { fault.answer(to: $0) } ?? ScriptedAnswer([.reset])
    }) { test in
      for operation in GitOperation.allCases {
        let before = await test.upstream.requests.count
        _ = try await test.ask(operation)
        let tries = await test.upstream.requests.count - before
        #expect(tries == (operation == .push || operation == .probe ? 1 : 3), "\(operation)")
      }
    }
  }

  @Test(arguments: GitOperation.allCases)
  func `a first byte that comes late is waited for`(operation: GitOperation) async throws {
    let gate = Gate()
    try await TestGateway.with(upstream: { _ in
      ScriptedAnswer([.wait(gate)] + operation.answer.steps)
    }) { test in
      async let answer = test.ask(operation)
      await test.upstream.waitForRequests(1)
      gate.open()
      let body = try await answer.body
      #expect(body == operation.answerBody)
    }
  }

  @Test func `an answer that is split at every byte arrives whole`() async throws {
    try await TestGateway.with(upstream: { request in
      let operation = GitOperation(request) ?? .fetch
      let whole = ScriptedAnswer.head(
        200, [("Content-Type", operation.answerType), ("Content-Length", "\(operation.answerBody.count)")])
      return ScriptedAnswer((whole + operation.answerBody).map { .send([$0]) })
    }) { test in
      for operation in GitOperation.allCases {
        let answer = try await test.ask(operation)
        #expect(answer.body == operation.answerBody)
      }
    }
  }

  @Test func `a refusal that never ends does not hold the client up`() async throws {
    let drip = Array(repeating: ScriptedAnswer.Step.send([0x61]), count: 3)
    try await TestGateway.with(upstream: { _ in
      ScriptedAnswer(
        [.send(ScriptedAnswer.head(500, [("Content-Type", "text/plain"), ("Content-Length", "100")]))]
          + drip + [.stall])
    }) {
      $0.becomeImpatient()
    } _: { test in
      let answer = try await test.ask(.fetchRefs)
      expectError(answer, 502, "upstream_error", to: .fetchRefs, userAgent: GitOperation.git)
    }
  }
}
