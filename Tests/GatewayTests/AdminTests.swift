import GatewayTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct AdminTests {
  private static let repo =
    #"{"id":"r1","name":"demo","default_branch":"main","remote":"https://x/git/default/demo.git"}"#

  /// An API with one repo, `demo`; others can be created.
  private static func api() -> ScriptedAPI {
    let api = ScriptedAPI()
    api.onOther { request in
      let name = request.target.split(separator: "/").last.map { String($0.prefix { $0 != "?" }) } ?? ""
      let body = String(decoding: request.body, as: UTF8.self)
      switch (request.isPost, name) {
      case (true, _) where body.contains(#""name":"demo""#):
        return ScriptedAPI.failure(409, 10201, "Repository already exists")
      case (true, _):
        return ScriptedAPI.success(
          #"{"id":"r2","name":"new","remote":"https://x/git/default/new.git","token":"art_v2_x_new?expires=99999999999"}"#,
          status: 201)
      case (false, "demo") where request.text.hasPrefix("DELETE"): return .json(202, #"{"result":{"id":"r1"}}"#)
      case (false, "demo"): return ScriptedAPI.success(repo)
      case (false, "repos"): return ScriptedAPI.success("[\(repo)]")
      default: return ScriptedAPI.failure(404, 10200, "Repository not found")
      }
    }
    return api
  }

  private static func json(_ method: String, _ path: String, _ body: String, _ fields: [(String, String)] = [])
    -> HTTPRequest
  {
    HTTPRequest(
      method, "/api/v1\(path)", [("Content-Type", "application/json"), ("User-Agent", GitOperation.curl)] + fields,
      body: Array(body.utf8))
  }

  private func expectProblem(
    _ answer: HTTPAnswer, _ status: Int, _ parts: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(answer.status == status, "\(answer)", sourceLocation: sourceLocation)
    #expect(answer.field("content-type") == "application/problem+json", sourceLocation: sourceLocation)
    for part in parts + [#""status":\#(status)"#, #""title":""#, #""type":"#, #""request_id":""#] {
      #expect(answer.text.contains(part), "\(answer.text)", sourceLocation: sourceLocation)
    }
    #expect(answer.field("x-request-id") != nil, sourceLocation: sourceLocation)
  }

  @Test func `repos are listed, got, created, ensured and deleted`() async throws {
    try await TestGateway.with(api: Self.api()) { test in
      let clone = #""clone_url":"http://localhost/git/demo""#
      let list = try await test.ask(HTTPRequest("GET", "/api/v1/repos?limit=10"))
      #expect(list.status == 200 && list.text.contains(clone) && list.text.contains(#""next_cursor":null"#))
      let got = try await test.ask(HTTPRequest("GET", "/api/v1/repos/demo"))
      #expect(got.status == 200 && got.text.contains(clone) && got.text.contains(#""default_branch":"main""#))
      let ensured = try await test.ask(HTTPRequest("PUT", "/api/v1/repos/demo"))
      #expect(ensured.status == 200)
      let created = try await test.ask(HTTPRequest("PUT", "/api/v1/repos/new"))
      #expect(created.status == 201)
      #expect(created.field("location") == "/api/v1/namespaces/default/repos/new")
      #expect(!created.text.contains("art_v2"))
      let posted = try await test.ask(Self.json("POST", "/repos", #"{"name":"new","description":"x"}"#))
      #expect(posted.status == 201)
      let deleted = try await test.ask(HTTPRequest("DELETE", "/api/v1/repos/demo"))
      #expect(deleted.status == 202 && deleted.text == "{\"id\":\"r1\"}\n")
    }
  }

  @Test func `the token of a new repo goes to the broker, or to who asks for it`() async throws {
    let api = Self.api()
    try await TestGateway.with(api: api) { test in
      let told = try await test.ask(HTTPRequest("PUT", "/api/v1/repos/new?include_token=true"))
      #expect(told.text.contains(#""token":"art_v2_x_new?expires=99999999999""#))
      api.onOther(nil)
      let push = try await test.ask(.pushRefs, "new")
      #expect(push.status == 200)
      #expect(api.mints.isEmpty)
      #expect(await test.upstream.requests.first?.authorization == "Bearer art_v2_x_new?expires=99999999999")
    }
  }

  @Test func `a deleted repo takes its tokens along`() async throws {
    let api = Self.api()
    try await TestGateway.with(api: api) { test in
      api.set(remote: "http://127.0.0.1:\(test.upstreamPort)/git/default/{repo}.git")
      api.onOther(nil)
      _ = try await test.ask(.fetchRefs)
      api.onOther { _ in .json(202, #"{"result":{"id":"r1"}}"#) }
      let deleted = try await test.ask(HTTPRequest("DELETE", "/api/v1/repos/demo"))
      #expect(deleted.status == 202)
      api.onOther(nil)
      api.onMint { _ in ScriptedAPI.failure(404, 10200, "Repository not found") }
      let answer = try await test.ask(.fetchRefs)
      expectError(answer, 404, "no_such_repo", to: .fetchRefs, userAgent: GitOperation.git)
    }
  }

  @Test(arguments: [
    (json("POST", "/repos", #"{"name":"demo"}"#), 409, [#""code":10201"#, #""name":"ALREADY_EXISTS""#]),
    (HTTPRequest("GET", "/api/v1/repos/none"), 404, [#""code":10200"#, #""name":"NOT_FOUND""#]),
    (json("POST", "/repos", #"{"name":"x","color":"red"}"#), 400, ["unknown field", #""pointer":"/color""#]),
    (json("POST", "/repos", #"{"name":1}"#), 400, [#""pointer":"/name""#]),
    (json("POST", "/repos", "{}"), 400, [#""pointer":"/name""#]),
    (json("POST", "/repos", "[]"), 400, ["not a JSON object"]),
    (json("POST", "/repos", "{"), 400, ["not JSON"]),
    (json("POST", "/repos", #"{"name":"../x"}"#), 400, [#""pointer":"/name""#]),
    (json("PUT", "/repos/demo", #"{"name":"other"}"#), 400, [#""pointer":"/name""#]),
    (HTTPRequest("POST", "/api/v1/repos", [("Content-Type", "text/plain")], body: Array("{}".utf8)), 415, []),
    (HTTPRequest("POST", "/api/v1/repos", body: Array("{}".utf8)), 415, []),
    (
      HTTPRequest(
        "POST", "/api/v1/repos", [("Content-Type", "application/json")],
        body: [UInt8](repeating: 0x20, count: 1 << 20 + 1)), 413, []
    ),
    (HTTPRequest("PATCH", "/api/v1/repos/demo"), 405, []), (HTTPRequest("DELETE", "/api/v1/repos"), 405, []),
    (HTTPRequest("GET", "/api/v1/elsewhere"), 404, []), (HTTPRequest("GET", "/api/v1"), 404, []),
    (HTTPRequest("GET", "/api/v1/repos?color=red"), 400, ["unknown query parameter", "color"]),
    (HTTPRequest("GET", "/api/v1/repos/%2e%2e"), 400, []),
    (HTTPRequest("GET", "/api/v1/namespaces/-x/repos"), 400, [#""pointer":"/namespace""#]),
  ])
  func `a refusal is a problem that says what is wrong`(request: HTTPRequest, status: Int, parts: [String]) async throws
  {
    try await TestGateway.with(api: Self.api()) { test in
      let answer = try await test.ask(request)
      expectProblem(answer, status, parts)
      #expect((answer.field("allow") != nil) == (status == 405))
    }
  }

  @Test(arguments: [
    (ScriptedAPI.failure(429, 10000, "slow", [("Retry-After", "40")]), 429),
    (ScriptedAPI.failure(400, 10100, "bad"), 400),
    (ScriptedAPI.failure(401, 10000, "Authentication error"), 502), (ScriptedAPI.failure(500, 10400, "boom"), 500),
    (.response(502, [("Content-Type", "text/html")], text: "<html>"), 502), (ScriptedAnswer([.reset]), 502),
    (.json(200, #"{"success":false,"errors":[{"code":10400,"message":"odd"}]}"#), 502),
    (ScriptedAnswer([.stall]), 504),
  ])
  func `what the API says is kept`(said: ScriptedAnswer, status: Int) async throws {
    let api = ScriptedAPI()
    api.onOther { _ in said }
    try await TestGateway.with(api: api) {
      if status == 504 { $0.becomeImpatient() }
    } _: { test in
      let answer = try await test.ask(HTTPRequest("GET", "/api/v1/repos/demo"))
      expectProblem(answer, status, [])
      if status == 429 { #expect(answer.field("retry-after") == "40") }
    }
  }

  @Test(arguments: [
    ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site"), ("Origin", "https://evil.example"),
  ])
  func `a page of another site changes nothing`(name: String, value: String) async throws {
    let api = Self.api()
    try await TestGateway.with(api: api) { test in
      for request in [
        Self.json("POST", "/repos", #"{"name":"new"}"#), HTTPRequest("PUT", "/api/v1/repos/new"),
        HTTPRequest("DELETE", "/api/v1/repos/demo"),
      ] {
        expectProblem(try await test.ask(request.with(name, value)), 403, [])
      }
      #expect(await test.apiServer.requests.isEmpty)
      let own = HTTPRequest("PUT", "/api/v1/repos/new").with("Origin", "http://localhost")
      let answer = try await test.ask(own)
      #expect(answer.status == 201)
    }
  }
}
