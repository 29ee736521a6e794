import FoundationEssentials
import Subprocess
import Testing

@Suite struct SnippetTests {
  private func snippets() throws -> [Snippet] { Snippet.all(in: try Project.text(of: "README.md")) }

  @Test func `every block of shell says how it is checked`() throws {
    let shell = try snippets().filter { $0.language == "sh" }
    #expect(shell.count >= 10)
    for snippet in shell { #expect(snippet.check != nil, "README.md:\(snippet.line)") }
    for snippet in try snippets() where ["bash", "shell", "console"].contains(snippet.language) {
      Issue.record("README.md:\(snippet.line): a block of shell is marked sh")
    }
  }

  @Test func `bash can read every block of shell`() async throws {
    let shell = try snippets().filter { $0.language == "sh" }
    try await withTemporaryFolder { folder in
      for snippet in shell {
        let result = try await runIsolated(.name("bash"), ["-n", "-c", snippet.text], in: folder)
        #expect(result.status.isSuccess, "README.md:\(snippet.line): \(result.text)")
      }
    }
  }

  @Test func `make knows the targets that are named`() async throws {
    let lines = try snippets().filter { $0.check == .make }.flatMap { $0.text.split(separator: "\n") }
    #expect(!lines.isEmpty)
    for line in lines {
      let words = line.split(separator: " ").map(String.init)
      try #require(words.count == 2 && words[0] == "make", "\(line)")
      let result = try await withTemporaryFolder {
        try await runIsolated(.name("make"), ["--dry-run", "--directory", Project.root, words[1]], in: $0)
      }
      #expect(result.status.isSuccess, "\(line): \(result.text)")
    }
  }

  @Test func `blocks do what they are said to do against a gateway in local mode`() async throws {
    let snippets = try snippets()
    try await withTemporaryFolder { folder in
      try await RunningGateway.with(in: folder) { port in
        var printed = ""
        var place = folder
        for snippet in snippets {
          let text = snippet.text.replacing("localhost:7080", with: "localhost:\(port)")
          switch snippet.check {
          case .local, .localFailing:
            // A reader's shell stays where the block before has left it.
            let script = "set -euo pipefail\ncd \"$PLACE\"\n\(text)\npwd >\"$HOME/place\""
            let result = try await runIsolated(
              .name("bash"), ["-c", script], in: folder, extra: ["PLACE": place])
            let isMeant = result.status.isSuccess == (snippet.check == .local)
            #expect(isMeant, "README.md:\(snippet.line): \(result.status): \(result.text)")
            printed = result.text
            if result.status.isSuccess {
              place = try String(contentsOfFile: "\(folder)/place", encoding: .utf8).split(separator: "\n").joined()
            }
          case .printed:
            for line in text.split(separator: "\n") {
              #expect(Self.withoutIDs(printed).contains(Self.withoutIDs(line)), "README.md:\(snippet.line): \(printed)")
            }
          case .localBinary, .make, .syntax, nil: break
          }
        }
      }
    }
  }

  @Test func `blocks that start the program themselves work`() async throws {
    for snippet in try snippets().filter({ $0.check == .localBinary }) {
      try await withTemporaryFolder { folder in
        let result = try await runIsolated(.name("bash"), ["-c", "set -euo pipefail\n\(snippet.text)"], in: folder)
        #expect(result.status.isSuccess, "README.md:\(snippet.line): \(result.status): \(result.text)")
        #expect(result.text.contains("refs/heads/main"))
      }
    }
  }

  private static func withoutIDs(_ text: some StringProtocol) -> String {
    String(text).replacing(/\(req [0-9a-f]{6}\)/, with: "(req)")
  }
}
