import EventLoop
import Gateway
import GatewayTestSupport
import Testing

/// How the gateway treats a service that has enough to do.
@Suite(.timeLimit(.minutes(5))) struct CourtesyTests {
  @Test func `an API that does nothing but fail is left alone, git goes on, and its recovery is noticed`() async throws
  {
    let api = ScriptedAPI()
    try await TestGateway.with(api: api, configure: { $0.apiFailureLimit = 3 }) { test in
      #expect(try await test.ask(.fetchRefs).status == 200)
      api.onLookUp { _ in ScriptedAPI.failure(503, 10401, "later") }
      api.onMint { _ in ScriptedAPI.failure(503, 10401, "later") }
      let first = try await test.ask(.fetchRefs, "other")
      #expect(first.status == 503, "\(first)")
      let asked = api.lookUpCount + api.mints.count
      let second = try await test.ask(.fetchRefs, "third")
      #expect(second.status == 503 && second.text.contains("fails again and again"), "\(second)")
      #expect(second.field("retry-after") != nil)
      let listing = try await test.call("GET", "/repos")
      #expect(listing.status == 503 && listing.text.contains("fails again and again"), "\(listing)")
      #expect(api.lookUpCount + api.mints.count == asked)
      // A token is at hand for this one.
      for _ in 0..<3 { #expect(try await test.ask(.fetchRefs).status == 200) }
      api.onLookUp(nil)
      api.onMint(nil)
      var answer = second
      while answer.status == 503 { answer = try await test.ask(.fetchRefs, "third") }
      #expect(answer.status == 200, "\(answer)")
      #expect(try await test.ask(.fetchRefs, "other").status == 200)
    }
  }

  @Test func `what is wrong with one call stops no others`() async throws {
    let api = ScriptedAPI()
    try await TestGateway.with(api: api, configure: { $0.apiFailureLimit = 3 }) { test in
      for (status, code) in [(404, 10200), (500, 10400), (429, 10000), (400, 10100)] {
        api.onLookUp { _ in ScriptedAPI.failure(status, code, "no", [("Retry-After", "0")]) }
        for number in 0..<4 { _ = try await test.ask(.fetchRefs, "r\(status)-\(number)") }
      }
      api.onLookUp(nil)
      #expect(try await test.ask(.fetchRefs).status == 200)
    }
  }

  @Test func `at most eight tokens are asked for at once`() async throws {
    let api = ScriptedAPI()
    let gate = Gate()
    api.onMint { number in
      ScriptedAnswer(
        [.wait(gate)] + ScriptedAPI.success(#"{"id":"\#(number)","plaintext":"art_v2_x_\#(number)"}"#).steps)
    }
    try await TestGateway.with(api: api) { test async throws in
      try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<20 { group.addTask { try await test.ask(.fetchRefs, "r\(number)").status } }
        await test.apiServer.waitForRequests(28)
        #expect(api.lookUpCount == 20)
        #expect(api.mints.count == 8)
        gate.open()
        for try await status in group { #expect(status == 200) }
      }
      #expect(api.mints.count == 20)
    }
  }

  @Test func `a rest that the upstream asks one request for is given it by all`() async throws {
    let count = Counter()
    try await TestGateway.with(upstream: { request in
      count.next() == 0
        ? .response(429, [("Retry-After", "1")], text: "slow down") : TestGateway.healthy(request)
    }) { test async throws in
      let start = MonotonicClock.now
      // A push is not tried again, so its refusal is told at once.
      _ = try await test.ask(.push)
      #expect(MonotonicClock.now - start < 1_000_000_000)
      #expect(try await test.ask(.fetchRefs, "other").status == 200)
      #expect(MonotonicClock.now - start >= 1_000_000_000)
    }
  }
}
