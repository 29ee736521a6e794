import ArtifactsEmulator
import Gateway
import GatewayTestSupport
import Testing

/// Pushes that rules refuse, as the real git tells of them.
@Suite(.enabled(if: Git.isThere)) struct PushRuleTests {
  private static func rule(_ refs: [String] = [], deny: Set<AccessRule.Denial> = []) -> AccessRule {
    var rule = AccessRule(
      name: "ci", who: ["anonymous"], repos: ["default/*"], allow: [.read, .push, .create, .admin])
    rule.refs = refs
    rule.deny = deny
    return rule
  }

  private static func with(
    _ rule: AccessRule, mode: AccessConfiguration.Mode = .enforce, _ body: (EmulatorGateway) async throws -> Void
  ) async throws {
    try await EmulatorGateway.with { test in
      try await test.seeded()
      var access = AccessConfiguration()
      access.rules = [rule]
      access.mode = mode
      try test.set(access)
      try await body(test)
    }
  }

  private static func push(_ test: EmulatorGateway, _ arguments: String...) async throws -> Git.Outcome {
    try await test.git.attempt(["-C", "work", "push", test.url("demo")] + arguments)
  }

  @Test func `a ref that no rule allows is told of, and so is one that goes down with it`() async throws {
    try await Self.with(Self.rule(["refs/heads/free"])) { test in
      let before = try await test.git.refs(of: test.url("demo"))
      try await test.git.commit("more\n", to: "more", in: "work")
      for options in [[], ["--atomic"], ["--no-thin"]] {
        let outcome = try await test.git.attempt(
          ["-C", "work", "push"] + options + [test.url("demo"), "main", "main:free"])
        #expect(!outcome.isSuccess)
        #expect(
          outcome.text.contains(
            " ! [remote rejected] main -> main (anonymous may not push to refs/heads/main: no rule allows it)"),
          "\(outcome.text)")
        #expect(
          outcome.text.contains(" ! [remote rejected] main -> free (another ref of this push was refused)"),
          "\(outcome.text)")
      }
      #expect(try await test.git.refs(of: test.url("demo")) == before)
      #expect(try await Self.push(test, "main:free").isSuccess)
    }
  }

  @Test func `deletions are refused, and creations are not`() async throws {
    try await Self.with(Self.rule(deny: [.delete, .force])) { test in
      #expect(try await Self.push(test, "main:dev").isSuccess)
      let outcome = try await Self.push(test, ":dev")
      #expect(!outcome.isSuccess)
      #expect(
        outcome.text.contains(
          " ! [remote rejected] dev (anonymous may not delete refs/heads/dev: rule \"ci\")"), "\(outcome.text)")
      #expect(try await test.git.refs(of: test.url("demo")).count == 2)
    }
  }

  @Test func `a pack of many megabytes is read before the refusal, which git prints`() async throws {
    try await Self.with(Self.rule(["refs/heads/free"])) { test in
      var random = SplitMix64(state: 1)
      let bytes = (0..<(50 << 20) / 8).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }
      try await test.git.commit(bytes, to: "big", in: "work")
      let outcome = try await Self.push(test, "main")
      #expect(!outcome.isSuccess)
      #expect(outcome.text.contains(" ! [remote rejected] main -> main (anonymous may not"), "\(outcome.text)")
    }
  }

  @Test func `fast-forwards pass where force is denied, and nothing else does`() async throws {
    try await Self.with(Self.rule(deny: [.force])) { test in
      let git = test.git
      // Plain, several commits, a merge.
      for number in 0..<3 { try await git.commit("\(number)\n", to: "file", in: "work") }
      #expect(try await Self.push(test, "main").isSuccess)
      try await git("-C", "work", "checkout", "-q", "-b", "side", "HEAD~2")
      try await git.commit("side\n", to: "side", in: "work")
      try await git("-C", "work", "checkout", "-q", "main")
      try await git("-C", "work", "merge", "-q", "-m", "merge", "side")
      #expect(try await Self.push(test, "main").isSuccess)
      // To what the service has already: no commits come with the push.
      try await git.commit("ahead\n", to: "ahead", in: "work")
      #expect(try await Self.push(test, "main:ahead").isSuccess)
      let known = try await Self.push(test, "main")
      #expect(known.isSuccess, "\(known.text)")
      // And what is none.
      let before = try await git.refs(of: test.url("demo"))
      try await git("-C", "work", "commit", "-q", "--amend", "-m", "other")
      let amended = try await Self.push(test, "--force", "main")
      #expect(!amended.isSuccess)
      #expect(
        amended.text.contains("(anonymous may not force refs/heads/main: rule \"ci\" (not shown to be a fast-forward"),
        "\(amended.text)")
      let back = try await Self.push(test, "--force", "main~3:main")
      #expect(!back.isSuccess && back.text.contains("may not force"), "\(back.text)")
      #expect(try await git.refs(of: test.url("demo")) == before)
    }
  }

  @Test func `signed, shallow and optioned pushes are read as well`() async throws {
    try await Self.with(Self.rule(["refs/heads/free"], deny: [.force])) { test in
      let git = test.git
      #expect(try await Self.push(test, "main:free").isSuccess)
      try await git("clone", "-q", "--depth", "1", "--branch", "free", test.url("demo"), "shallow")
      try await git.commit("more\n", to: "more", in: "shallow")
      let refused = try await git.attempt(["-C", "shallow", "push", "origin", "HEAD:refs/heads/main"])
      #expect(!refused.isSuccess && refused.text.contains("may not push to refs/heads/main"), "\(refused.text)")
      let allowed = try await git.attempt(["-C", "shallow", "push", "origin", "HEAD:free"])
      #expect(allowed.isSuccess, "\(allowed.text)")
    }
  }

  @Test func `in report mode all of it is served`() async throws {
    try await Self.with(Self.rule(["refs/heads/free"], deny: [.force, .delete]), mode: .report) { test in
      try await test.git.commit("more\n", to: "more", in: "work")
      #expect(try await Self.push(test, "main").isSuccess)
      try await test.git("-C", "work", "commit", "-q", "--amend", "-m", "other")
      #expect(try await Self.push(test, "--force", "main").isSuccess)
      #expect(try await Self.push(test, "main:dev").isSuccess)
      #expect(try await Self.push(test, ":dev").isSuccess)
    }
  }
}
