import EventLoop
import Gateway
import GatewayTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct MintFailureTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let answer: ScriptedAnswer
    let status: Int
    let code: String
    let says: String
    /// How often the API is asked before git hears of it; once more where a connection that was used before had died.
    let tries: ClosedRange<Int>

    var testDescription: String { name }
  }

  static let cases = [
    Case(
      name: "no such repo", answer: ScriptedAPI.failure(404, 10200, "Repository not found"), status: 404,
      code: "no_such_repo", says: #"no repo "demo" in namespace "default"; create it: curl -X PUT http://"#,
      tries: 1...1),
    Case(
      name: "a bad API token", answer: ScriptedAPI.failure(401, 10000, "Authentication error"), status: 502,
      code: "credentials", says: "refused the API token: Authentication error (10000)", tries: 1...1),
    Case(
      name: "a token without the permission", answer: ScriptedAPI.failure(403, 10000, "Access denied"), status: 502,
      code: "credentials", says: "Artifacts Edit", tries: 1...1),
    Case(
      name: "a bad ttl", answer: ScriptedAPI.failure(400, 10103, "ttl must be between"), status: 400,
      code: "upstream_error", says: "ttl must be between (10103)", tries: 1...1),
    Case(
      name: "a conflict", answer: ScriptedAPI.failure(409, 10201, "exists"), status: 409, code: "upstream_error",
      says: "exists (10201)", tries: 1...1),
    Case(
      name: "an import under way", answer: ScriptedAPI.failure(409, 10302, "importing"), status: 409,
      code: "upstream_error", says: "importing (10302)", tries: 3...3),
    Case(
      name: "a rate limit that is too long to wait for",
      answer: ScriptedAPI.failure(429, 10000, "slow down", [("Retry-After", "45")]), status: 429,
      code: "rate_limited", says: "slow down", tries: 1...1),
    Case(
      name: "a rate limit", answer: ScriptedAPI.failure(429, 10000, "slow down"), status: 429, code: "rate_limited",
      says: "slow down", tries: 3...3),
    Case(
      name: "an outage", answer: ScriptedAPI.failure(503, 10400, "later"), status: 503, code: "upstream_error",
      says: "later", tries: 3...3),
    Case(
      name: "an error", answer: ScriptedAPI.failure(500, 10400, "boom"), status: 502, code: "upstream_error",
      says: "boom", tries: 1...1),
    Case(
      name: "a page instead of JSON", answer: .response(200, [("Content-Type", "text/html")], text: "<html>"),
      status: 502, code: "upstream_error", says: "not its JSON", tries: 1...1),
    Case(
      name: "an error page", answer: .response(404, [("Content-Type", "text/html")], text: "<html>"),
      status: 502, code: "upstream_error", says: "404 without JSON", tries: 1...1),
    Case(
      name: "broken JSON", answer: .json(201, #"{"result":{"#), status: 502, code: "upstream_error",
      says: "not its JSON", tries: 1...1),
    Case(
      name: "no result", answer: .json(200, #"{"success":true,"result":null}"#), status: 502, code: "upstream_error",
      says: "without a result", tries: 1...1),
    Case(
      name: "failure under a good status",
      answer: .json(200, #"{"success":false,"errors":[{"code":10400,"message":"odd"}]}"#), status: 502,
      code: "upstream_error", says: "odd", tries: 1...1),
    Case(
      name: "a redirect", answer: .json(302, #"{"success":false,"errors":[]}"#, [("Location", "/x")]), status: 502,
      code: "upstream_error", says: "302", tries: 1...1),
    Case(
      name: "a reset", answer: ScriptedAnswer([.reset]), status: 502, code: "upstream_unreachable",
      says: "the Artifacts API is not reachable", tries: 3...4),
    Case(
      name: "garbage", answer: .bytes("hello\r\n\r\n", then: .close), status: 502, code: "upstream_unreachable",
      says: "the Artifacts API is not reachable", tries: 3...4),
    Case(
      name: "silence", answer: ScriptedAnswer([.stall]), status: 504, code: "upstream_timeout",
      says: "timed out", tries: 1...1),
  ]

  @Test(arguments: cases)
  func `the reason of a failed mint reaches git`(failure: Case) async throws {
    let api = ScriptedAPI()
    api.onMint { _ in failure.answer }
    try await TestGateway.with(api: api) {
      if failure.name == "silence" { $0.becomeImpatient() }
    } _: { test in
      let answer = try await test.ask(.fetchRefs)
      expectError(answer, failure.status, failure.code, to: .fetchRefs, userAgent: GitOperation.git)
      #expect(answer.text.contains(failure.says), "\(answer.text)")
      #expect(failure.tries.contains(api.mints.count))
      #expect(await test.upstream.requests.isEmpty)
      for operation in [GitOperation.fetch, .push, .probe] {
        for agent in [GitOperation.git, GitOperation.curl] {
          let answer = try await test.ask(operation, userAgent: agent)
          expectError(answer, failure.status, failure.code, to: operation, userAgent: agent)
        }
      }
    }
  }

  @Test(arguments: cases)
  func `the reason of a failed look-up reaches git`(failure: Case) async throws {
    let api = ScriptedAPI()
    api.onLookUp { _ in failure.answer }
    try await TestGateway.with(api: api) {
      if failure.name == "silence" { $0.becomeImpatient() }
    } _: { test in
      let answer = try await test.ask(.fetchRefs)
      expectError(answer, failure.status, failure.code, to: .fetchRefs, userAgent: GitOperation.git)
      #expect(answer.text.contains(failure.says), "\(answer.text)")
    }
  }

  @Test func `a repo that was not there is found once it is`() async throws {
    let api = ScriptedAPI()
    api.onMint { $0 == 0 ? ScriptedAPI.failure(404, 10200, "Repository not found") : nil }
    try await TestGateway.with(api: api) { test in
      let answers = [try await test.ask(.fetchRefs), try await test.ask(.fetchRefs)]
      #expect(answers.map(\.status) == [404, 200])
    }
  }

  @Test func `a short outage of the API is not noticed`() async throws {
    let api = ScriptedAPI()
    api.onMint { $0 < 2 ? ScriptedAPI.failure(503, 10400, "later") : nil }
    try await TestGateway.with(api: api) { test in
      let answer = try await test.ask(.fetchRefs)
      #expect(answer.status == 200)
      #expect(api.mints.count == 3)
    }
  }

  @Test func `Retry-After is waited out`() async throws {
    let api = ScriptedAPI()
    api.onMint { $0 == 0 ? ScriptedAPI.failure(429, 10000, "slow down", [("Retry-After", "1")]) : nil }
    try await TestGateway.with(api: api) { test in
      let start = MonotonicClock.now
      let answer = try await test.ask(.fetchRefs)
      #expect(answer.status == 200)
      #expect(MonotonicClock.now - start >= 1_000_000_000)
    }
  }

  @Test func `a failure is remembered for a moment, and as long as the API asks for`() async throws {
    let api = ScriptedAPI()
    let clock = ManualClock()
    api.onMint { number in
      switch number {
      case 0: ScriptedAPI.failure(400, 10103, "no")
      case 1: ScriptedAPI.failure(429, 10000, "slow down", [("Retry-After", "31")])
      default: nil
      }
    }
    try await TestGateway.with(api: api, configure: { $0.wallClock = { clock.now } }) { test in
      for _ in 0..<5 { #expect(try await test.ask(.fetchRefs).status == 400) }
      #expect(api.mints.count == 1)
      clock.advance(seconds: 1.5)
      for _ in 0..<5 { #expect(try await test.ask(.fetchRefs).status == 429) }
      clock.advance(seconds: 29)
      let again = try await test.ask(.fetchRefs)
      #expect(again.status == 429)
      #expect(api.mints.count == 2)
      clock.advance(seconds: 3)
      #expect(try await test.ask(.fetchRefs).status == 200)
    }
  }

  @Test(arguments: [200, 201, 202])
  func `any good status is a mint`(status: Int) async throws {
    let api = ScriptedAPI()
    api.onMint { _ in .json(status, #"{"result":{"plaintext":"art_v1_1"},"success":true}"#) }
    try await TestGateway.with(api: api) { test in
      let answer = try await test.ask(.fetchRefs)
      #expect(answer.status == 200)
      #expect(await test.upstream.requests.first?.authorization == "Bearer art_v1_1")
    }
  }
}
