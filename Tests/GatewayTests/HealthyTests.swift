import GatewayTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct HealthyTests {
  @Test(arguments: GitOperation.allCases)
  func `an answer of the upstream reaches the client as it is`(operation: GitOperation) async throws {
    try await TestGateway.with { test in
      for agent in [GitOperation.git, GitOperation.curl] {
        let answer = try await test.ask(operation, userAgent: agent)
        #expect(answer.status == 200)
        #expect(answer.field("content-type") == operation.answerType)
        #expect(answer.body == operation.answerBody)
        #expect(answer.isWhole)
      }
      let requests = await test.upstream.requests
      #expect(requests.allSatisfy { $0.body == operation.body && $0.isWhole })
    }
  }
}
