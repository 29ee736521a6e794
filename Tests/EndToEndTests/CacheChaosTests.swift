import FoundationEssentials
import GatewayTestSupport
import Testing

@Suite(.enabled(if: RunningBinary.isThere && Git.isThere && Git.tool("python3")), .timeLimit(.minutes(5)))
struct CacheChaosTests {
  @Test func `whatever moment the gateway is killed at, no clone is wrong and no unfinished pack is left`() async throws
  {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    try await withTemporaryFolder { folder in
      let outcome = try await ExternalTool("python3").run(
        [
          tests.appending(path: "Chaos/cache.py").path(percentEncoded: false), RunningBinary.path ?? "", "--clones",
          "25",
          "--seconds", "10",
        ], in: folder)
      #expect(outcome.isSuccess && outcome.text.contains("; 0 failures"), "\(outcome.text)")
    }
  }
}
