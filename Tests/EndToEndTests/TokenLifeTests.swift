import Gateway
import GatewayTestSupport
import Testing

@Suite(.enabled(if: Git.isThere), .timeLimit(.minutes(5))) struct TokenLifeTests {
  /// Everything that git does with a remote, with `between` before each step.
  private func work(_ test: EmulatorGateway, between: () async throws -> Void) async throws {
    let git = test.git
    let url = test.url("demo")
    try await test.createRepo("demo")
    try await git.workTree("work")
    let steps: [[String]] = [
      ["-C", "work", "push", "-q", url, "main"], ["ls-remote", url], ["clone", "-q", url, "copy"],
      ["-C", "copy", "fetch", "-q"], ["-C", "work", "push", "-q", url, "main:topic"], ["-C", "copy", "fetch", "-q"],
    ]
    for step in steps {
      try await between()
      let outcome = try await git.attempt(step)
      #expect(outcome.isSuccess, "\(step): \(outcome.text)")
      #expect(!outcome.text.contains("artifacts-gateway"))
    }
    try await git.commit(randomBytes(500_000), to: "half.bin", in: "work")
    try await between()
    try await git("-C", "work", "push", "-q", url, "main")
    try await git.commit(randomBytes(3 << 20), to: "big.bin", in: "work")
    try await between()
    try await git("-C", "work", "push", "-q", url, "main")
    try await between()
    try await git("-C", "copy", "pull", "-q")
    #expect(try await git.refs(in: "work", "refs/heads/main") == git.refs(in: "copy", "refs/heads/main"))
    try await git.check("copy")
  }

  @Test func `git notices nothing when every token is revoked between its commands`() async throws {
    try await EmulatorGateway.with { test in
      try await work(test) { try await test.revokeTokens(of: "demo") }
      #expect(await test.gateway.mintCount > 8)
    }
  }

  @Test func `git notices nothing when tokens are long past their end`() async throws {
    let clock = ManualClock()
    try await EmulatorGateway.with(configure: { $0.wallClock = { clock.now } }) { test in
      try await work(test) { clock.advance(seconds: 4000) }
      #expect(await test.gateway.mintCount > 8)
    }
  }

  @Test func `git notices nothing when tokens are revoked while it runs`() async throws {
    try await EmulatorGateway.with { test in
      let url = try await test.seeded()
      let git = test.git
      try await git.commit(randomBytes(1 << 20), to: "big.bin", in: "work")
      try await git("-C", "work", "push", "-q", url, "main")
      for number in 0..<5 {
        async let revocation: Void = test.revokeTokens(of: "demo")
        let outcome = try await git.attempt(["clone", "-q", url, "copy\(number)"])
        try await revocation
        #expect(outcome.isSuccess, "\(outcome.text)")
      }
      try await git("clone", "-q", url, "last")
      try await git.check("last")
    }
  }
}
