import Gateway
import GatewayTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct TokenExpiryTests {
  @Test(arguments: [ScriptedAPI.Expiry.field, .suffix, .neither])
  func `a token is used until the wall clock says that it has ended`(expiry: ScriptedAPI.Expiry) async throws {
    let clock = ManualClock()
    let api = ScriptedAPI { clock.now }
    api.set(expiry: expiry, life: 1000)
    try await TestGateway.with(api: api) {
      $0.wallClock = { clock.now }
      $0.tokenTTL = 1000
    } _: { test in
      for _ in 0..<3 { #expect(try await test.ask(.fetchRefs).status == 200) }
      #expect(api.mints.count == 1)
      // The machine slept: the token is past its end at once.
      clock.advance(seconds: 1001)
      let late = try await test.ask(.fetchRefs)
      #expect(late.status == 200)
      #expect(api.mints.count == 2)
      let used = await test.upstream.requests.map(\.authorization)
      #expect(Set(used).count == 2)
      #expect(used.last != used.first)
    }
  }

  @Test func `a token is renewed ahead, and nobody waits for it`() async throws {
    let clock = ManualClock()
    let api = ScriptedAPI { clock.now }
    let gate = Gate()
    api.set(expiry: .field, life: 1000)
    try await TestGateway.with(api: api, configure: { $0.wallClock = { clock.now } }) { test in
      _ = try await test.ask(.fetchRefs)
      api.onMint { _ in
        ScriptedAnswer(
          [.wait(gate)] + ScriptedAPI.success(#"{"id":"new","plaintext":"art_v2_x_new?expires=99999999999"}"#).steps)
      }
      clock.advance(seconds: 900)
      // The old token serves while the new one is on its way.
      for _ in 0..<5 { #expect(try await test.ask(.fetchRefs).status == 200) }
      await test.apiServer.waitForRequests(3)
      #expect(api.mints.count == 2)
      #expect(Set(await test.upstream.requests.map(\.authorization)).count == 1)
      gate.open()
      repeat {
        _ = try await test.ask(.fetchRefs)
      } while await test.upstream.requests.last?.authorization
        != "Bearer art_v2_x_new?expires=99999999999"
      #expect(api.mints.count == 2)
    }
  }

  @Test(arguments: GitOperation.allCases)
  func `a token that holds is used while the API is down`(operation: GitOperation) async throws {
    let clock = ManualClock()
    let api = ScriptedAPI { clock.now }
    api.set(expiry: .field, life: 1000)
    try await TestGateway.with(api: api, configure: { $0.wallClock = { clock.now } }) { test in
      _ = try await test.ask(operation)
      await test.apiServer.stop()
      clock.advance(seconds: 900)
      for _ in 0..<3 { #expect(try await test.ask(operation).body == operation.answerBody) }
      clock.advance(seconds: 101)
      let answer = try await test.ask(operation)
      expectError(answer, 502, "upstream_unreachable", to: operation, userAgent: GitOperation.git)
    }
  }

  @Test func `a service in trouble is not asked for a new token by every request`() async throws {
    let clock = ManualClock()
    let api = ScriptedAPI { clock.now }
    api.set(expiry: .field, life: 1000)
    try await TestGateway.with(api: api, configure: { $0.wallClock = { clock.now } }) { test in
      _ = try await test.ask(.fetchRefs)
      api.onMint { _ in ScriptedAPI.failure(500, 10400, "boom") }
      clock.advance(seconds: 900)
      _ = try await test.ask(.fetchRefs)
      await test.apiServer.waitForRequests(3)
      for _ in 0..<20 { #expect(try await test.ask(.fetchRefs).status == 200) }
      #expect(api.mints.count == 2)
    }
  }

  @Test func `a push has ten minutes before it`() async throws {
    let clock = ManualClock()
    let api = ScriptedAPI { clock.now }
    api.set(expiry: .field, life: 3600)
    try await TestGateway.with(api: api, configure: { $0.wallClock = { clock.now } }) { test in
      _ = try await test.ask(.pushRefs)
      clock.advance(seconds: 3001)
      _ = try await test.ask(.probe)
      let used = await test.upstream.requests.map(\.authorization)
      #expect(used.count == 2 && used[0] != used[1])
      #expect(api.mints.count == 2)
    }
  }

  @Test func `a token that is always short is used as it comes`() async throws {
    let clock = ManualClock()
    let api = ScriptedAPI { clock.now }
    api.set(expiry: .field, life: 60)
    try await TestGateway.with(api: api, configure: { $0.wallClock = { clock.now } }) { test in
      for operation in [GitOperation.pushRefs, .probe, .push] {
        let answer = try await test.ask(operation)
        #expect(answer.body == operation.answerBody)
      }
      #expect(api.mints.count == 1)
    }
  }
}
