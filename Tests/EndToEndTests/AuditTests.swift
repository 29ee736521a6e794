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

  @Test func `a repo that a first push makes is told of once, by who has asked for it`() async throws {
    let lines = try await Self.audited(configure: { $0.createsOnPush = true }) { test in
      try await test.git.workTree("work")
      for name in ["one", "two"] {
        try await test.git("-C", "work", "push", "-q", test.url("fresh"), "main:refs/heads/\(name)")
      }
    }
    let made = lines.filter { $0["event"].text == "create" }
    #expect(made.count == 1 && lines.count { $0["event"].text == "push" } == 2)
    #expect(made.first?["outcome"].text == "done" && made.first?["repo"].text == "default/fresh")
    #expect(made.first?["identity"].text == "anonymous" && made.first?["request"].text?.utf8.count == 6)
    #expect(made.first?["path"].text == "/git/fresh/info/refs" && made.first?["reason"] == .null)
  }

  /// Rules under which anonymous may push `refs`, and read.
  private static func access(
    _ refs: [String], mode: AccessConfiguration.Mode = .enforce
  ) -> AccessConfiguration {
    var rule = AccessRule(name: "ci", who: ["anonymous"], repos: ["default/demo"], allow: [.read, .push])
    rule.refs = refs
    var access = AccessConfiguration()
    access.mode = mode
    access.rules = [rule]
    return access
  }

  @Test func `what rules would refuse if they did more than report is told, and done`() async throws {
    let lines = try await Self.audited { test in
      let url = try await test.seeded()
      try await test.createRepo("other")
      try test.set(Self.access(["refs/heads/free"], mode: .report))
      try await test.git("-C", "work", "push", "-q", url, "main:topic")
      try await test.git("-C", "work", "push", "-q", url, "main:refs/heads/free")
      _ = try await test.ask(HTTPRequest("GET", "/git/other/info/refs?service=git-upload-pack"))
      _ = try await test.ask(HTTPRequest("DELETE", "/api/v1/repos/other"))
    }
    let told = lines.filter { $0["event"].text == "would_refuse" }
    #expect(
      told.map { $0["reason"].text } == [
        "anonymous may not push to refs/heads/topic: no rule allows it",
        "anonymous may not read default/other; no rule allows it",
        "anonymous may not administer default/other; no rule allows it",
      ])
    #expect(told.allSatisfy { $0["error"].text == "forbidden" && $0["rule"] == .null })
    #expect(told.first?["refs"].items.map { $0["ref"].text } == ["refs/heads/topic"])
    #expect(lines.allSatisfy { $0["event"].text != "refusal" })
    let pushes = lines.filter { $0["event"].text == "push" }
    #expect(
      pushes.count == 3 && pushes.map { $0["rule"].text } == [nil, nil, "ci"]
        && pushes.allSatisfy { $0["outcome"].text == "done" })
    #expect(lines.last { $0["event"].text == "change" }?["status"].number == 202)
  }

  @Test func `of a push of many refs all are told where rules read them, else those of the first 64 KiB`() async throws
  {
    let count = 800
    let lines = try await Self.audited { test in
      let url = try await test.seeded()
      func push(_ name: String) async throws {
        let refs = (0..<count).map { "main:refs/heads/\(name)/\($0)" }
        #expect(try await test.git.attempt(["-C", "work", "push", "-q", url] + refs).isSuccess == (name != "kept"))
      }
      try await push("first")
      try test.set(Self.access(["refs/heads/free/*"]))
      try await push("free")
      try await push("kept")
    }
    let told = lines.filter { $0["refs"].items.count > 1 }
    try #require(told.count == 3)
    #expect(told[0]["refs"].items.count < count && told[0]["refs_complete"] == .bool(false) && told[0]["rule"] == .null)
    #expect(told[1]["refs"].items.count == count && told[1]["refs_complete"] == .null && told[1]["rule"].text == "ci")
    #expect(told[1]["refs"].items.allSatisfy { $0["result"].text == "ok" })
    #expect(told[2]["event"].text == "refusal" && told[2]["refs"].items.count == count && told[2]["rule"] == .null)
  }
}
