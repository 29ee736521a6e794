import ArtifactsAPI
import EventLoop
import GatewayTestSupport
import HTTPCore
import Testing

@Suite(.timeLimit(.minutes(1))) struct ContentBodyTests {
  @Test func `a blob of thirty megabytes comes in small pieces`() async throws {
    let bytes = [UInt8](repeating: 0x5a, count: 30_000_000)
    try await ScriptedClient.with({ _ in .response(200, [("Content-Type", "application/octet-stream")], bytes) }) {
      test async throws in
      let body = try await test.client.getBlob("default", "demo", hash: "h")
      #expect(body.length == bytes.count)
      let list = GatherList()
      var position = 0
      var largest = 0
      while try await body.read(into: list) {
        largest = max(largest, list.byteCount)
        position += list.byteCount
        list.removeAll()
      }
      #expect(position == bytes.count)
      #expect(largest <= 1 << 18)
      body.finish()
    }
  }

  @Test func `a blob that is not there is told with the number of the service`() async throws {
    try await ScriptedClient.with({ _ in ScriptedAPI.failure(404, 10200, "Blob not found") }) { test async throws in
      let client = test.client
      let error = await #expect(throws: ArtifactsError.self) {
        _ = try await client.getBlob("default", "demo", hash: "h")
      }
      #expect(error?.code == 10200 && error?.status == 404)
    }
  }

  @Test func `a page of somebody else keeps its status`() async throws {
    try await ScriptedClient.with({ _ in .response(404, text: "404 Not Found") }) { test async throws in
      let client = test.client
      let error = await #expect(throws: ArtifactsError.self) {
        _ = try await client.getBlob("default", "demo", hash: "h")
      }
      #expect(error?.code == nil && error?.status == 404)
    }
  }
}
