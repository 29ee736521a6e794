import ArtifactsAPI
import GatewayTestSupport
import HTTPCore
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct RetryTests {
  private final class Count: Sendable {
    private let number = Atomic(0)
    func next() -> Int { number.add(1, ordering: .relaxed).oldValue }
  }

  @Test(arguments: [10301, 10302, 10303])
  func `a look-up waits for a repo that is being made`(code: Int) async throws {
    let count = Count()
    try await ScriptedClient.with({ _ in
      count.next() == 0
        ? ScriptedAPI.failure(409, code, "in progress") : ScriptedAPI.success(#"{"id":"i","name":"demo"}"#)
    }) { test async throws in
      #expect(try await test.client.getRepo("default", "demo").id == "i")
      #expect(await test.server.requests.count == 2)
    }
  }

  @Test(arguments: [(409, 10302), (409, 10201), (503, 10400), (429, 10000)])
  func `what creates is sent once`(status: Int, code: Int) async throws {
    try await ScriptedClient.with({ _ in ScriptedAPI.failure(status, code, "no") }) { test async throws in
      let client = test.client
      await #expect(throws: ArtifactsError.self) { _ = try await client.createRepo("default", name: "demo") }
      await #expect(throws: ArtifactsError.self) { _ = try await client.forkRepo("default", "demo", name: "copy") }
      await #expect(throws: ArtifactsError.self) { _ = try await client.createNamespace("team") }
      #expect(await test.server.requests.count == 3)
    }
  }

  @Test func `a repo that exists already is final`() async throws {
    try await ScriptedClient.with({ _ in ScriptedAPI.failure(409, 10201, "repo already exists") }) {
      test async throws in
      let client = test.client
      await #expect(throws: ArtifactsError.self) { _ = try await client.getRepo("default", "demo") }
      #expect(await test.server.requests.count == 1)
    }
  }

  @Test func `a cursor longer than any head is refused, not sent`() async throws {
    try await ScriptedClient.with({ _ in ScriptedAPI.success("[]") }) { test async throws in
      let client = test.client
      let cursor = String(repeating: "c", count: 100_000)
      await #expect(throws: ArtifactsError.self) { _ = try await client.listRepos("ns", query: [("cursor", cursor)]) }
      #expect(await test.server.requests.isEmpty)
    }
  }

  @Test(arguments: ["", "two words", "line\nbreak", String(repeating: "x", count: 70_000)])
  func `a token that no request can carry is not sent`(token: String) async throws {
    try await ScriptedClient.with(token: token, { _ in ScriptedAPI.success("[]") }) { test async throws in
      let client = test.client
      await #expect(throws: ArtifactsError.self) { _ = try await client.listRepos("ns") }
      #expect(await test.server.requests.isEmpty)
    }
  }
}
