import Gateway
import GatewayTestSupport
import Glibc
import HTTPTransport
import Testing

@Suite(.enabled(if: Git.isThere), .timeLimit(.minutes(5))) struct AuditTests {
  /// Runs a gateway with an audit log.
  /// - Returns: its lines, once the gateway has ended.
  private static func audited(
    limit: Int = 0, configure: (inout GatewayConfiguration) -> Void = { _ in },
    _ body: (EmulatorGateway) async throws -> Void
  ) async throws -> [JSONTree] {
    try await withTemporaryFolder { folder in
      let path = folder + "/audit.jsonl"
      let audit = try AuditLog(path, limit: limit) { Issue.record("\($0)") }
      try await EmulatorGateway.with(
        configure: { configuration in
          configure(&configuration)
          configuration.audit = audit
        }, body)
      #expect(audit.lostCount == 0)
      return try contents(of: path).split(separator: "\n").map { try JSONTree(parsing: Array($0.utf8)) }
    }
  }

  private static let none = String(repeating: "0", count: 40)

  @Test func `a push is told with each ref, its old and its new id, and what became of it`() async throws {
    var ids: [String] = []
    let lines = try await Self.audited { test in
      let git = test.git
      let url = try await test.seeded()
      func id() async throws -> String { try await git("-C", "work", "rev-parse", "HEAD").filter { !$0.isNewline } }
      ids.append(try await id())
      // Above 1 MiB git sends a probe first, which asks for nothing.
      try await git.commit(randomBytes(2 << 20), to: "file.bin", in: "work")
      ids.append(try await id())
      try await git("-C", "work", "push", "-q", url, "main", "main:refs/heads/topic")
      try await git("-C", "work", "push", "-q", "--delete", url, "topic")
      try await git("clone", "-q", url, "copy")
    }
    let pushes = lines.filter { $0["event"].text == "push" }
    #expect(pushes.count == 3)
    func refs(_ push: JSONTree) -> Set<[String?]> {
      Set(push["refs"].items.map { [$0["ref"].text, $0["old"].text, $0["new"].text, $0["result"].text] })
    }
    try #require(pushes.count == 3)
    #expect(refs(pushes[0]) == [["refs/heads/main", Self.none, ids[0], "ok"]])
    #expect(
      refs(pushes[1]) == [
        ["refs/heads/main", ids[0], ids[1], "ok"], ["refs/heads/topic", Self.none, ids[1], "ok"],
      ])
    #expect(refs(pushes[2]) == [["refs/heads/topic", ids[1], Self.none, "ok"]])
    for push in pushes {
      #expect(push["outcome"].text == "done" && push["end"].text == "--" && push["status"].number == 200)
      #expect(push["repo"].text == "default/demo" && push["source"].text == "anonymous")
      #expect(push["client"].text?.hasPrefix("127.0.0.1:") == true && push["request"].text?.utf8.count == 6)
      #expect(push["refs_complete"] == .null)
    }
    let mints = lines.filter { $0["event"].text == "mint" }
    #expect(mints.contains { $0["scope"].text == "read" && $0["outcome"].text == "done" })
    #expect(mints.allSatisfy { $0["repo"].text == "default/demo" })
    let changes = lines.filter { $0["event"].text == "change" }
    #expect(changes.count == 1)
    #expect(changes.first?["method"].text == "PUT" && changes.first?["path"].text == "/api/v1/repos/demo")
    #expect(changes.first?["status"].number == 201)
  }

  @Test func `a ref that the service does not take is told as rejected`() async throws {
    let lines = try await Self.audited { test in
      let git = test.git
      let url = try await test.seeded()
      // No git sends a name that is none: the command is made by hand.
      let id = try await git("-C", "work", "rev-parse", "HEAD").filter { !$0.isNewline }
      let command = "\(id) \(Self.none) refs/heads/a..b\0report-status delete-refs\n"
      let length = String(command.utf8.count + 4, radix: 16)
      let body = String(repeating: "0", count: 4 - length.utf8.count) + length + command + "0000"
      _ = try await test.ask(
        HTTPRequest(
          "POST", "/git/demo/git-receive-pack", [("Content-Type", "application/x-git-receive-pack-request")],
          body: Array(body.utf8)))
      #expect(try await git.refs(of: url).contains { $0.hasPrefix(id) })
    }
    let push = try #require(lines.last { $0["event"].text == "push" })
    #expect(push["outcome"].text == "rejected", "\(push)")
    #expect(push["refs"].items.first?["result"].text != "ok" && push["refs"].items.first?["result"].text != nil)
  }

  @Test func `refusals are told with what was wanted and why not, and reading is not told`() async throws {
    let lines = try await Self.audited(configure: { $0.isReadOnly = true }) { test in
      let git = test.git
      try await test.createRepo("demo")
      try await git.workTree("work")
      let pushed = try await git.attempt(["-C", "work", "push", test.url("demo"), "main"])
      #expect(!pushed.isSuccess)
      _ = try await test.ask(HTTPRequest("GET", "/api/v1/repos"))
      _ = try await test.ask(
        HTTPRequest(
          "POST", "/api/v1/repos", [("Origin", "https://evil.example"), ("Content-Type", "application/json")]))
      _ = try await test.ask(
        HTTPRequest("GET", "/git/demo/info/refs?service=git-upload-pack", [("Host", "evil.example")]))
      _ = try await test.ask(HTTPRequest("DELETE", "/api/v1/repos/none"))
    }
    let refusals = lines.filter { $0["event"].text == "refusal" }
    #expect(refusals.map { $0["error"].text } == ["read_only", "forbidden", "host_not_allowed"])
    #expect(refusals.first?["path"].text == "/git/demo/info/refs" && refusals.first?["repo"].text == "default/demo")
    #expect(refusals.first?["reason"].text == "this gateway is read-only: pushes are refused")
    #expect(refusals.allSatisfy { $0["identity"].text == "anonymous" })
    let changes = lines.filter { $0["event"].text == "change" }
    #expect(changes.map { $0["method"].text } == ["PUT", "DELETE"] && changes.last?["status"].number == 404)
  }
}
