import Gateway
import GatewayTestSupport
import Testing

/// The line of a request says which rule decided.
@Suite struct RuleNameTests {
  private static func rule(
    _ name: String, _ repo: String, _ allow: Set<Right>, refs: [String] = [], deny: Set<AccessRule.Denial> = []
  ) -> AccessRule {
    var rule = AccessRule(name: name, who: ["*"], repos: ["default/\(repo)"], allow: allow)
    rule.refs = refs
    rule.deny = deny
    return rule
  }

  /// The lines of some requests, in their order.
  private func lines(
    _ rules: [AccessRule], _ body: (TestGateway) async throws -> Void
  ) async throws -> [JSONTree] {
    let log = try LogPipe()
    try await TestGateway.with(log: log.sink, configure: { $0.access.rules = rules }, body)
    return try await log.finish().split(separator: "\n").map { try JSONTree(parsing: Array($0.utf8)) }
      .filter { $0["message"].text == "request" }
  }

  @Test func `a request that a rule allows names it, and one that none allows names none`() async throws {
    let lines = try await lines([
      Self.rule("others", "other", [.read]), Self.rule("say \\ hello", "demo", [.read]),
      Self.rule("late", "*", [.read]),
    ]) { test in
      for operation in [GitOperation.fetchRefs, .fetch, .pushRefs] { _ = try await test.ask(operation) }
      _ = try await test.ask(.fetchRefs, "third")
      _ = try await test.ask(HTTPRequest("GET", "/api/v1/repos/demo"))
      _ = try await test.ask(HTTPRequest("DELETE", "/api/v1/repos/demo"))
    }
    #expect(
      lines.map { $0["rule"].text } == ["say \\ hello", "say \\ hello", nil, "late", "say \\ hello", nil])
  }

  @Test func `a push names the rule that gives its first ref, or that withholds the one it fails by`() async throws {
    let lines = try await lines([
      Self.rule("docs", "demo", [.push], refs: ["refs/heads/docs"]),
      Self.rule("main", "demo", [.push], refs: ["refs/heads/main"]),
      Self.rule("careful", "demo", [.push], refs: ["refs/heads/kept"], deny: [.delete]),
    ]) { test in
      let id = GitOperation.id
      let none = String(repeating: "0", count: 40)
      for command in ["\(none) \(id) refs/heads/main", "\(id) \(none) refs/heads/kept", "\(none) \(id) refs/heads/x"] {
        let body = PktLines.line("\(command)\0report-status side-band-64k\n") + Array("0000".utf8)
        _ = try await test.ask(
          HTTPRequest(
            "POST", "/git/demo/git-receive-pack",
            [("Content-Type", "application/x-git-receive-pack-request"), ("User-Agent", GitOperation.git)], body: body))
      }
    }
    #expect(lines.map { $0["rule"].text } == ["main", "careful", nil])
  }

  @Test func `without rules there is nothing to name`() async throws {
    let lines = try await lines([]) { test in _ = try await test.ask(.fetchRefs) }
    #expect(lines.count == 1 && lines[0]["rule"] == .null)
  }
}
