import GitProtocol
import Testing

@testable import Gateway

@Suite struct PolicyTests {
  private static func rule(
    _ name: String, _ who: [String], _ repos: [String], _ allow: Set<Right>, claims: [String: String] = [:],
    refs: [String] = [], deny: Set<AccessRule.Denial> = []
  ) -> AccessRule {
    var rule = AccessRule(name: name, who: who, repos: repos, allow: allow)
    rule.claims = claims
    rule.refs = refs
    rule.deny = deny
    return rule
  }

  private static let policy = Policy(
    [
      rule("ci reads", ["token:ci-*"], ["default/*"], [.read]),
      rule("devs", ["group:devs"], ["team-?/web", "default/web"], [.read, .push, .create]),
      rule("open", ["anonymous"], ["public/**"], [.read]),
      rule("all", ["*"], ["default/shared.git"], [.read]),
      rule(
        "actions", ["oidc:*"], ["acme/Web"], [.push], claims: ["repository": "acme/*", "ref": "refs/heads/main"]),
      rule("root", ["password:root"], ["**"], [.admin]),
      rule("ops", ["password:ops"], ["default/*"], [.admin]),
    ], [AccessGroup(name: "devs", members: ["password:bob", "oidc:https://issuer/*"])])

  private static func allows(_ identity: Identity, _ right: Right, _ target: AccessTarget) -> Bool {
    policy.rule(policy.rules(for: identity), giving: right, to: target) != nil
  }

  private static func repo(_ namespace: String, _ name: String) -> AccessTarget {
    .repo(RepoKey(namespace: namespace, name: name))
  }

  private static let bob = Identity(.password, "bob")
  private static let ci = Identity(.token, "ci-1")
  private static let action = Identity(
    .oidc, "https://issuer/x", claims: ["repository": "acme/web", "ref": "refs/heads/main"])

  @Test func `jobs of one name do not crowd one place of a table`() {
    let hashes = Set((0..<100).map { Identity(.oidc, "job", claims: ["jti": "\($0)"]).hashValue })
    #expect(hashes.count == 100)
  }

  @Test(
    arguments: [
      (ci, Right.read, repo("default", "web"), true), (ci, .push, repo("default", "web"), false),
      (ci, .read, repo("other", "web"), false), (Identity(.token, "cd-1"), .read, repo("default", "web"), false),
      // The source counts, not only the name.
      (Identity(.password, "ci-1"), .read, repo("default", "web"), false),
      (bob, .create, repo("team-1", "web"), true), (bob, .push, repo("team-12", "web"), false),
      (bob, .admin, repo("team-1", "web"), false), (Identity(.password, "Bob"), .read, repo("team-1", "web"), false),
      (action, .push, repo("default", "web"), true), (.anonymous, .read, repo("public", "x"), true),
      (ci, .read, repo("public", "x"), false), (ci, .read, repo("default", "shared"), true),
      (.anonymous, .read, repo("default", "shared"), true),
      (.anonymous, .read, repo("default", "web"), false),
      // A name cannot be made to look like another source's.
      (Identity(.token, "anonymous"), .read, repo("public", "x"), false),
      (Identity(.oidc, "password:bob"), .read, repo("team-1", "web"), false),
    ])
  func `a right is given by a rule or by none`(
    identity: Identity, right: Right, target: AccessTarget, isAllowed: Bool
  ) {
    #expect(Self.allows(identity, right, target) == isAllowed)
  }

  @Test func `no other spelling of a repo gives more or less`() {
    for name in ["web", "Web", "WEB", "web.git", "WEB.Git", "web.git.git"] {
      for namespace in ["default", "Default"] {
        #expect(Self.allows(Self.bob, .push, Self.repo(namespace, name)))
        #expect(!Self.allows(Self.ci, .push, Self.repo(namespace, name)))
        #expect(!Self.allows(.anonymous, .read, Self.repo(namespace, name)))
      }
    }
    #expect(Self.allows(.anonymous, .read, Self.repo("default", "shared")))
    #expect(!Self.allows(.anonymous, .read, Self.repo("default", "git")))
  }

  @Test func `all claims that a rule names must be there and match`() {
    let claims = [
      (["repository": "acme/web", "ref": "refs/heads/main"], true),
      (["repository": "acme/web"], false), ([:], false),
      (["repository": "acme/web", "ref": "refs/heads/dev"], false),
      (["repository": "acme/web/x", "ref": "refs/heads/main"], false),
      (["repository": "evil/acme/web", "ref": "refs/heads/main"], false),
      (["repository": "acme/web", "ref": "refs/heads/main", "more": "x"], true),
    ]
    for (claims, isAllowed) in claims {
      #expect(
        Self.allows(Identity(.oidc, "x", claims: claims), .push, Self.repo("acme", "web")) == isAllowed, "\(claims)")
    }
  }

  @Test func `what is about more than a repo takes a rule about more`() {
    let (root, ops) = (Identity(.password, "root"), Identity(.password, "ops"))
    #expect(Self.allows(root, .admin, .gateway))
    #expect(Self.allows(root, .admin, .namespace("default")))
    #expect(!Self.allows(ops, .admin, .gateway))
    #expect(Self.allows(ops, .admin, .namespace("default")))
    #expect(!Self.allows(ops, .admin, .namespace("defaults")))
    #expect(!Self.allows(Self.bob, .read, .namespace("team-1")))
    // Rights do not hold others.
    #expect(!Self.allows(root, .read, Self.repo("default", "web")))
  }

  // MARK: Pushes

  private static let one = String(repeating: "1", count: 40)
  private static let two = String(repeating: "2", count: 40)
  private static let zero = String(repeating: "0", count: 40)

  @Test(
    arguments: [
      (
        "refs/heads/main", one, two,
        PushRules.Verdict.ifFastForward("token:ci may not force refs/heads/main: rule \"a\"")
      ),
      ("refs/heads/main", zero, two, .allowed),
      ("refs/heads/main", one, zero, .refused("token:ci may not delete refs/heads/main: rule \"a\"")),
      ("refs/heads/x/y", one, two, .refused("token:ci may not push to refs/heads/x/y: no rule allows it")),
      // The second rule takes nothing away, and neither does the first from the second.
      ("refs/heads/dev", one, two, .allowed),
      ("refs/heads/dev", one, zero, .refused("token:ci may not delete refs/heads/dev: rules \"a\", \"b\"")),
      ("refs/tags/v1", zero, two, .refused("token:ci may not push to refs/tags/v1: no rule allows it")),
      ("refs/HEADS/main", zero, two, .refused("token:ci may not push to refs/HEADS/main: no rule allows it")),
    ])
  func `each ref is allowed by some rule as a whole`(ref: String, old: String, new: String, verdict: PushRules.Verdict)
  {
    let policy = Policy([
      Self.rule("a", ["token:ci"], ["default/*"], [.push], refs: ["refs/heads/*"], deny: [.force, .delete]),
      Self.rule("b", ["token:ci"], ["default/web"], [.push], refs: ["refs/heads/dev"], deny: [.delete]),
      Self.rule("other", ["token:cd"], ["default/web"], [.push]),
      Self.rule("reads", ["token:ci"], ["default/web"], [.read]),
    ])
    let rules = PushRules(policy, Identity(.token, "ci"), RepoKey(namespace: "default", name: "web"))
    #expect(rules?.verdict(on: .init(old: old, new: new, ref: ref)) == verdict)
    #expect(PushRules(policy, Identity(.token, "cd"), RepoKey(namespace: "default", name: "web")) == nil)
  }
}
