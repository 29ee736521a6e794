import EventLoop
import Gateway
import GatewayTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct RevocationTests {
  @Test func `tokens are revoked at the end`() async throws {
    let api = ScriptedAPI()
    try await TestGateway.with(api: api) { test in
      _ = try await test.ask(.fetchRefs)
      _ = try await test.ask(.pushRefs)
      let cut = await test.gateway.drain(timeout: .seconds(5))
      #expect(cut == 0)
      #expect(api.revoked.sorted() == ["token-0", "token-1"])
    }
  }

  @Test func `an API that hangs does not hold up the end`() async throws {
    let api = ScriptedAPI()
    api.onRevoke { ScriptedAnswer([.stall]) }
    try await TestGateway.with(api: api) { test in
      for number in 0..<40 { _ = try await test.ask(.fetchRefs, "repo\(number)") }
      let start = MonotonicClock.now
      _ = await test.gateway.drain(timeout: .seconds(5))
      // Two seconds and what a busy machine adds; the API's own time-out is thirty.
      #expect(MonotonicClock.now - start < 15_000_000_000)
      #expect(!api.revoked.isEmpty)
    }
  }

  @Test func `a token that has ended is not revoked`() async throws {
    let clock = ManualClock()
    let api = ScriptedAPI { clock.now }
    try await TestGateway.with(api: api, configure: { $0.wallClock = { clock.now } }) { test in
      _ = try await test.ask(.fetchRefs)
      clock.advance(seconds: 4000)
      _ = await test.gateway.drain(timeout: .seconds(5))
      #expect(api.revoked.isEmpty)
    }
  }
}
