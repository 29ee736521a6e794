import Gateway
import GatewayTestSupport
import Testing

/// Pushes that bring too much, with the real git.
@Suite(.timeLimit(.minutes(10)), .enabled(if: Git.isThere)) struct PushSizeTests {
  private static func content(_ bytes: Int) -> [UInt8] {
    var random = SplitMix64(state: 11)
    return (0..<bytes).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }

  @Test(arguments: [200_000, 5_000_000])
  func `a file that is too large is refused with its path, and a smaller one goes through`(bytes: Int) async throws {
    try await EmulatorGateway.with(configure: { $0.access.pushLimits.file = 100_000 }) { test async throws in
      _ = try await test.git.workTree("work")
      try await test.git("-C", "work", "remote", "add", "origin", test.url("demo"))
      try await test.createRepo("demo")
      try await test.git("-C", "work", "push", "-q", "origin", "main")
      let before = try await test.git.refs(of: test.url("demo"))
      try await test.git.commit(Self.content(bytes), to: "big.bin", in: "work")
      let refused = try await test.git.attempt(["-C", "work", "push", "origin", "main"])
      #expect(!refused.isSuccess)
      #expect(refused.text.contains("\"big.bin\" (object "), "\(refused.text)")
      #expect(try await test.git.refs(of: test.url("demo")) == before)
      try await test.git("-C", "work", "reset", "-q", "--hard", "HEAD~1")
      try await test.git.commit(Self.content(50_000), to: "small.bin", in: "work")
      try await test.git("-C", "work", "push", "-q", "origin", "main")
    }
  }

  @Test(arguments: [200_000, 5_000_000])
  func `a push that is too large is refused as a whole`(bytes: Int) async throws {
    try await EmulatorGateway.with(configure: { $0.access.pushLimits.push = 100_000 }) { test async throws in
      _ = try await test.git.workTree("work")
      try await test.createRepo("demo")
      try await test.git.commit(Self.content(bytes), to: "a.bin", in: "work")
      let refused = try await test.git.attempt(["-C", "work", "push", test.url("demo"), "main"])
      #expect(!refused.isSuccess)
      #expect(refused.text.contains("this push brings more than the 100 kB"), "\(refused.text)")
      #expect(try await test.git.refs(of: test.url("demo")).isEmpty)
    }
  }
}
