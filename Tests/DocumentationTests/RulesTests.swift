import FoundationEssentials
import Subprocess
import SystemPackage
import Testing

@Suite struct RulesTests {
  /// Runs `explain` with an access file of this content.
  private func explain(_ content: String, _ arguments: [String]) async throws -> Ended {
    try await withTemporaryFolder { folder in
      try content.write(toFile: "\(folder)/access.toml", atomically: false, encoding: .utf8)
      return try await runIsolated(
        .path(FilePath(Project.program)), ["explain", "--access-file", "access.toml"] + arguments, in: folder)
    }
  }

  private func example() throws -> String {
    let blocks = Snippet.all(in: try Project.text(of: "README.md"))
    return try #require(blocks.first { $0.language == "toml" && $0.text.contains("[[rule]]") }).text
  }

  @Test(
    arguments: [
      (["token:ci-1", "GET", "/git/web/info/refs?service=git-upload-pack"], 0, "rule \"ci reads\""),
      (["token:ci-1", "POST", "/git/web/git-receive-pack"], 1, "it does not allow push"),
      (["token:cd-1", "POST", "/git/web/git-upload-pack"], 1, "token:cd-1 is not among who"),
      (["anonymous", "POST", "/git/web/git-upload-pack"], 1, "no rule allows it"),
      (["token:alice", "POST", "/git/team-1/web/git-receive-pack", "--ref", "refs/heads/main"], 0, "fast-forwards only"),
      (
        ["token:alice", "POST", "/git/web/git-receive-pack", "--ref", "refs/heads/main", "--push", "delete"], 1,
        "it denies delete"
      ),
      (["oidc:x", "POST", "/git/web.git/git-receive-pack", "--ref", "refs/tags/v1"], 0, "rule \"devs\""),
      (["password:root", "DELETE", "/api/v1/repos/web"], 0, "rule \"root\""),
      (["token:alice", "DELETE", "/api/v1/repos/web"], 1, "it does not allow admin"),
      (["token:alice", "POST", "/-/quit"], 1, "this gateway is not among repos"),
      (["token:alice", "GET", "/livez"], 0, "it takes no right"),
      (["token:alice", "PUT", "/api/v1/repos/new?include_token=true"], 1, "allowed: token:alice create default/new"),
    ] as [([String], Int32, String)])
  func `the example does what its rules say`(arguments: [String], code: Int32, text: String) async throws {
    let result = try await explain(example(), arguments)
    #expect(result.status == .exited(code), "\(result.text)")
    #expect(result.text.contains(text), "\(result.text)")
  }

  @Test func `claims decide, and are named`() async throws {
    let content = try example().replacing(", \"oidc:*\"", with: "")
    let push = ["oidc:x", "POST", "/git/web/git-receive-pack", "--ref", "refs/tags/v1"]
    let claims = ["--claim", "repository=acme/web", "--claim", "ref=refs/heads/main"]
    let allowed = try await explain(content, push + claims)
    #expect(allowed.status.isSuccess && allowed.text.contains("rule \"release job\""), "\(allowed.text)")
    let none = try await explain(content, push)
    #expect(none.status == .exited(1) && none.text.contains("there is no claim ref"), "\(none.text)")
    let other = try await explain(content, push + ["--claim", "repository=evil/web", "--claim", "ref=refs/heads/main"])
    #expect(other.text.contains("the claim repository is \"evil/web\", not acme/*"), "\(other.text)")
    let json = try await explain(content, push + ["--json"])
    #expect(json.status == .exited(1))
    #expect(json.text.contains("{\"allowed\":false,\"identity\":\"oidc:x\",\"mode\":\"enforce\",\"parts\":[{\"right\":\"push\""))
  }

  private static let rule = "[[rule]]\nname = \"a\"\nwho = [\"*\"]\nrepos = [\"**\"]\nallow = [\"read\"]\n"

  @Test(
    arguments: [
      ("[[rule]]\nname = \"a\"\nwho = [\"*\"]\nrepos = [\"**\"]\n", "access.toml:1: rule: \"allow\" is missing"),
      (rule + "allows = [\"push\"]", "access.toml:6: unknown key \"rule.allows\"; did you mean \"allow\"?"),
      (rule.replacing("read", with: "raed"), "access.toml:5: rule.allow: \"raed\" does not do: did you mean \"read\"?"),
      (rule.replacing("\"*\"", with: ""), "access.toml:3: rule.who: it is empty"),
      (rule.replacing("\"**\"", with: ""), "access.toml:4: rule.repos: it is empty"),
      (rule.replacing("\"read\"", with: ""), "access.toml:5: rule.allow: it is empty"),
      (rule.replacing("\"*\"", with: "\"group:devs\""), "access.toml:3: rule.who: there is no group \"devs\""),
      (rule.replacing("\"*\"", with: "\"alice\""), "access.toml:3: rule.who: \"alice\" is not <source>:<name>"),
      (rule.replacing("\"*\"", with: "\"tokn:alice\""), "access.toml:3: rule.who: \"tokn:alice\" is not"),
      (rule.replacing("**", with: "web"), "access.toml:4: rule.repos: \"web\" is no pattern of <namespace>/<name>"),
      (rule.replacing("**", with: "a/b/c"), "access.toml:4: rule.repos: \"a/b/c\" is no pattern"),
      (rule.replacing("**", with: "a/[b]"), "access.toml:4: rule.repos: \"a/[b]\" is no pattern"),
      (rule + "refs = [\"refs/heads/*\"]", "access.toml:6: rule.refs: it is about pushes"),
      (rule.replacing("read", with: "push") + "refs = [\"main\"]", "access.toml:6: rule.refs: \"main\" is no pattern"),
      (rule.replacing("read", with: "push") + "deny = [\"froce\"]", "access.toml:6: rule.deny: \"froce\" does not do"),
      (rule + rule, "access.toml:7: rule.name: there are two of \"a\""),
      ("[[group]]\nname = \"g\"\nmembers = []\n" + rule, "access.toml:3: group.members: it is empty"),
      ("[[group]]\nname = \"g\"\nmembers = [\"group:h\"]\n", "access.toml:3: group.members: \"group:h\" is not"),
      ("[[group]]\nname = \"g\"\nmembers = [\"*\"]\n", "access.toml:3: group.members: \"*\" is not"),
    ])
  func `what is wrong is named with file and line`(content: String, complaint: String) async throws {
    let result = try await explain(content, ["anonymous", "GET", "/livez"])
    #expect(result.status == .exited(65), "\(result.text)")
    #expect(result.text.contains(complaint), "\(result.text)")
  }
}
