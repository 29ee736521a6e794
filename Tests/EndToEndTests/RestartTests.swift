import FoundationEssentials
import GatewayTestSupport
import Testing

/// Sockets of a service manager, and the restarts that they are for.
@Suite(.enabled(if: RunningBinary.isThere && Git.tool("python3")), .timeLimit(.minutes(5))) struct RestartTests {
  /// A program in `Tests` of the project.
  private static func program(_ path: String) -> String {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return tests.appending(path: path).path(percentEncoded: false)
  }

  @Test func `no request fails while the gateway is restarted behind its socket`() async throws {
    try await withTemporaryFolder { folder in
      let outcome = try await ExternalTool("python3").run(
        [Self.program("Restart/restart.py"), RunningBinary.path ?? "", "--cycles", "12"], in: folder)
      #expect(outcome.isSuccess, "\(outcome.text)")
      #expect(outcome.text.contains(" 0 failed"), "\(outcome.text)")
    }
  }

  @Test func `a descriptor that is no listening socket is told`() async throws {
    try await withTemporaryFolder { folder in
      let script = "export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\" serve --local --data-dir data 3</dev/null"
      let outcome = try await ExternalTool("bash").run(
        ["-c", script, RunningBinary.path ?? ""], in: folder)
      #expect(!outcome.isSuccess)
      #expect(outcome.text.contains("descriptor 3 is no listening stream socket"), "\(outcome.text)")
    }
  }

  @Test func `sockets that are meant for another process are not touched`() async throws {
    try await withTemporaryFolder { folder in
      let script = "export LISTEN_PID=1 LISTEN_FDS=1; exec \"$0\" check --local 3</dev/null"
      let outcome = try await ExternalTool("bash").run(
        ["-c", script, RunningBinary.path ?? ""], in: folder)
      #expect(outcome.isSuccess && outcome.text.contains("listen = [\"127.0.0.1:7080\"]"), "\(outcome.text)")
    }
  }
}
