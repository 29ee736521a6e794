import Gateway
import GatewayTestSupport
import HTTPCore
import Testing

/// The service keeps a repo's `read_only` and takes pushes all the same.
@Suite(.timeLimit(.minutes(5))) struct AdminReadOnlyTests {
  private static func readOnly() -> ScriptedAPI {
    let api = ScriptedAPI()
    api.onLookUp { _ in
      ScriptedAPI.success(#"{"id":"i","name":"demo","read_only":true,"remote":"\#(api.remote(of: "demo"))"}"#)
    }
    return api
  }

  @Test(arguments: [GitOperation.pushRefs, .push, .probe])
  func `pushes are refused, in the client's own form`(operation: GitOperation) async throws {
    let api = Self.readOnly()
    try await TestGateway.with(api: api) { test async throws in
      for agent in [GitOperation.git, GitOperation.curl] {
        let answer = try await test.ask(operation, userAgent: agent)
        expectError(answer, 403, "read_only", to: operation, userAgent: agent)
        if operation != .probe { #expect(answer.text.contains("is read-only: pushes are refused")) }
      }
      #expect(await test.upstream.requests.isEmpty)
      #expect(api.mints.isEmpty && api.lookUpCount == 1)
    }
  }

  @Test func `reading goes on`() async throws {
    try await TestGateway.with(api: Self.readOnly()) { test async throws in
      for operation in [GitOperation.fetchRefs, .fetch] { #expect(try await test.ask(operation).status == 200) }
    }
  }

  @Test func `pushes go through when that is what the operator said`() async throws {
    try await TestGateway.with(api: Self.readOnly(), configure: { $0.enforcesReadOnlyRepos = false }) {
      test async throws in
      for operation in [GitOperation.pushRefs, .probe, .push] { #expect(try await test.ask(operation).status == 200) }
      #expect(await test.upstream.requests.count == 3)
    }
  }
}
