import GatewayTestSupport
import Testing

@testable import Gateway

@Suite struct IdentityLimiterTests {
  private static let second: UInt64 = 1_000_000_000
  private static let ci = Identity(.token, "ci")
  private static let alice = Identity(.token, "alice")

  private static func limits(
    _ limits: [IdentityLimit], groups: [AccessGroup] = [], clock: ManualClock = ManualClock()
  ) -> AccessLimits {
    var configuration = AccessConfiguration()
    configuration.limits = limits
    configuration.groups = groups
    return AccessLimits(configuration) { clock.now }
  }

  private static func limit(_ who: String..., change: (inout IdentityLimit) -> Void) -> IdentityLimit {
    var limit = IdentityLimit(who: who)
    change(&limit)
    return limit
  }

  private func isAdmitted(_ limiter: IdentityLimiter, _ identity: Identity, at now: UInt64 = 0) -> Bool {
    (try? limiter.admit("\(identity)", identity, at: now)) != nil
  }

  @Test func `requests beyond the rate are refused, and those refused do not count`() throws {
    let limiter = try #require(
      Self.limits([
        Self.limit("*") {
          $0.requestsPerSecond = 10
          $0.burst = 3
        }
      ]).identities)
    let admitted = (0..<6).map { _ in isAdmitted(limiter, Self.ci) }
    #expect(admitted == [true, true, true, false, false, false])
    #expect(isAdmitted(limiter, Self.ci, at: Self.second / 10))
    #expect(!isAdmitted(limiter, Self.ci, at: Self.second / 10))
    // Everybody has his own.
    #expect(isAdmitted(limiter, Self.alice))
    let refusal = #expect(throws: ProxyError.self) { try limiter.admit("token:ci", Self.ci, at: 0) }
    #expect(refusal?.status == 429 && refusal?.retryAfter == .seconds(1))
  }

  @Test func `bytes count until midnight UTC`() throws {
    let clock = ManualClock()
    let limiter = try #require(
      Self.limits([Self.limit("token:ci") { $0.bytesPerDay = 1_000 }], clock: clock).identities)
    limiter.moved(999, "token:ci", Self.ci)
    #expect(isAdmitted(limiter, Self.ci))
    limiter.moved(1, "token:ci", Self.ci)
    let refusal = #expect(throws: ProxyError.self) { try limiter.admit("token:ci", Self.ci, at: 0) }
    let left = 86_400 - Int(clock.now) % 86_400
    #expect(refusal?.retryAfter == .seconds(left))
    #expect(refusal?.text.contains("token:ci has moved 1 kB today, of 1 kB") == true, "\(String(describing: refusal))")
    limiter.moved(1_000_000, "token:alice", Self.alice)
    #expect(isAdmitted(limiter, Self.alice))
    clock.advance(seconds: Double(left))
    #expect(isAdmitted(limiter, Self.ci))
  }

  @Test func `the first limit that names somebody counts`() throws {
    let groups = [AccessGroup(name: "robots", members: ["token:ci-*", "oidc:acme/*"])]
    let limiter = try #require(
      Self.limits(
        [
          Self.limit("token:ci-1") { $0.transfers = 1 }, Self.limit("group:robots") { $0.transfers = 2 },
          Self.limit("anonymous") { $0.transfers = 3 }, Self.limit("password:*") { $0.transfers = 4 },
        ], groups: groups
      ).identities)
    let found = [
      Identity(.token, "ci-1"), Identity(.token, "ci-2"), Identity(.oidc, "acme/web"), .anonymous,
      Identity(.password, "ci-1"), Identity(.token, "alice"), Identity(.certificate, "ci-2"),
    ].map { limiter.transferCap("\($0)", $0) }
    #expect(found == [1, 2, 2, 3, 4, .max, .max])
  }

  @Test func `a reload of the same limits forgets nothing, and other limits count at once`() throws {
    var limits = Self.limits([Self.limit("*") { $0.bytesPerDay = 10 }])
    limits.identities?.moved(10, "token:ci", Self.ci)
    var configuration = AccessConfiguration()
    configuration.limits = [Self.limit("*") { $0.bytesPerDay = 10 }]
    configuration.rules = [AccessRule(name: "r", who: ["*"], repos: ["**"], allow: [.read])]
    limits.set(configuration)
    let before = try #require(limits.identities)
    #expect(!isAdmitted(before, Self.ci))
    configuration.limits = [Self.limit("*") { $0.bytesPerDay = 20 }]
    limits.set(configuration)
    let after = try #require(limits.identities)
    #expect(isAdmitted(after, Self.ci))
    configuration.limits = []
    limits.set(configuration)
    #expect(limits.identities == nil)
  }

  @Test func `those who move most are remembered when there are too many`() throws {
    let limiter = try #require(Self.limits([Self.limit("*") { $0.bytesPerDay = 10 }]).identities)
    limiter.moved(10, "token:ci", Self.ci)
    for number in 0..<20_000 { limiter.moved(1, "\(number)", .anonymous) }
    #expect(!isAdmitted(limiter, Self.ci))
  }
}
