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
      for repo in ["third", "other"] {
        var answer = second
        while answer.status == 503 { answer = try await test.ask(.fetchRefs, repo) }
        #expect(answer.status == 200, "\(answer)")
      }
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

  /// A fetch whose answer is sideband from its beginning, as git asks for it.
  private static let heardAtOnce =
    PktLines.line("command=fetch") + PktLines.line("object-format=sha1") + Array("0001".utf8)
    + PktLines.line("sideband-all\n") + PktLines.line("want \(GitOperation.id)\n") + PktLines.line("done\n")
    + PktLines.flush

  @Test func `a client that does not listen yet is told nothing of a rest`() async throws {
    let count = Counter()
    try await TestGateway.with(upstream: { request in
      request.isPost && count.next() == 0
        ? .response(429, [("Retry-After", "1")], text: "slow down") : TestGateway.healthy(request)
    }) { test async throws in
      #expect(try await test.ask(.fetch).body == GitOperation.fetch.answerBody)
      #expect(count.value == 2)
    }
  }

  @Test(arguments: [true, false])
  func `a client that listens is told of a rest, and what comes of it`(isWell: Bool) async throws {
    let count = Counter()
    let answer = PktLines.line("\u{1}packfile\n") + PktLines.line("\u{1}PACK") + PktLines.flush
    try await TestGateway.with(upstream: { request in
      guard request.isPost else { return TestGateway.healthy(request) }
      if count.next() == 0 { return .response(429, [("Retry-After", "1")], text: "slow down") }
      return isWell
        ? .response(200, [("Content-Type", "application/x-git-upload-pack-result")], answer)
        : .response(403, text: "Insufficient rights")
    }) { test async throws in
      let told = try await test.ask(GitOperation.fetch.request(body: Self.heardAtOnce))
      #expect(told.status == 200)
      let line = PktLines.line("\u{2}artifacts-gateway: the service asks for a rest of 1 s\n")
      #expect(told.body.starts(with: line), "\(told)")
      let rest = Array(told.body.dropFirst(line.count))
      if isWell {
        #expect(rest == answer)
      } else {
        #expect(
          String(decoding: rest, as: UTF8.self).dropFirst(4).hasPrefix("\u{3}artifacts-gateway: the upstream refused"))
      }
    }
  }
}
