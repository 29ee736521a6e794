import GatewayTestSupport
import Glibc
import Testing

private let browser = ["chromium", "chromium-browser", "google-chrome"].first { Git.tool($0) }

/// The status page in a real browser, where there is one.
@Suite(.enabled(if: RunningBinary.isThere && browser != nil), .timeLimit(.minutes(5)))
struct StatusPageBrowserTests {
  @Test func `it loads without a complaint, and keeps its figures fresh`() async throws {
    try await withTemporaryFolder { folder in
      try await BinaryTests.withLocal(in: folder) { binary, base in
        _ = try await Git(in: folder).attempt(["ls-remote", "\(base)/git/hello"])
        let seen = try await ExternalTool(browser ?? "").run(
          [
            // Its sandbox is not to be had by root, or in a container.
            "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--user-data-dir=\(folder)/profile",
            "--enable-logging=stderr", "--window-size=390,844", "--virtual-time-budget=8000", "--dump-dom", base + "/",
          ], in: folder)
        // Messages of the page, and of the browser about it, such as what its security policy forbids.
        let complaints = seen.text.split(separator: "\n").filter { $0.contains("CONSOLE") }
        #expect(complaints.isEmpty, "\(complaints)")
        #expect(seen.text.contains("Requests since the start") && seen.text.contains("Minted: 1."), "\(seen.text)")
        // One by the browser, another by the script.
        let page = "\"path\":\"/\""
        _ = try await binary.output.line(containing: page)
        let lines = await binary.output.text.split(separator: "\n").filter { $0.contains(page) }
        #expect(lines.count >= 2, "\(lines)")
      }
    }
  }
}
