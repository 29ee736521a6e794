import GatewayTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct AdminBodyTests {
  static let refused: [(String, String)] = [
    (#"{"name":"a","nmae":1}"#, "/nmae"), (#"{"name":"a","a/b~c":1}"#, "/a~1b~0c"),
    (#"{"name":"a","name":"b"}"#, "/name"),
    (#"{"name":1}"#, "/name"), (#"{"name":"a","read_only":"true"}"#, "/read_only"),
    (#"{"name":"a","read_only":1}"#, "/read_only"),
    (#"{"name":{"name":"a"}}"#, "/name"), (#"{"name":["a"]}"#, "/name"), (#"{"description":"x"}"#, "/name"),
    (#"{"name":null}"#, "/name"), (#"{"name":"a b"}"#, "/name"), (#"{"name":"../x"}"#, "/name"),
    (#"{"name":""}"#, "/name"),
    (#"{"name":"a"} x"#, ""), (#"{"name":"a",}"#, ""), (#"["name"]"#, ""), ("null", ""), ("{", ""),
    (#"{"name" "a"}"#, "/name"),
    (#"{"name":"a\x"}"#, "/name"), (#"{"name":"\ud800"}"#, "/name"), (#"{"name":"\udc00\ud800"}"#, "/name"),
    (#"{"name":01}"#, "/name"), (#"{"name":1.e1}"#, "/name"), (#"{"name":-}"#, "/name"), (#"{"name":nul}"#, "/name"),
    ("{\"name\":\"a\nb\"}", "/name"),
    (#"{"name":"# + String(repeating: "[", count: 200_000), "/name"),
  ]

  @Test(arguments: refused)
  func `a body that is not what it should be is refused at its place`(body: String, pointer: String) async throws {
    try await TestGateway.with { test async throws in
      try expectProblem(try await test.call("POST", "/repos", body), 400, pointer: pointer)
      #expect(await test.apiServer.requests.isEmpty)
    }
  }

  @Test func `bytes that are not UTF-8 are refused`() async throws {
    try await TestGateway.with { test async throws in
      let request = HTTPRequest(
        "POST", "/api/v1/repos", [("Content-Type", "application/json")],
        body: Array(#"{"name":""#.utf8) + [0xff, 0x22, 0x7d])
      try expectProblem(try await test.ask(request), 400, pointer: "")
    }
  }

  @Test(arguments: ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/json2"])
  func `only JSON is taken`(type: String) async throws {
    try await TestGateway.with { test async throws in
      let body = Array(#"{"name":"a"}"#.utf8)
      try expectProblem(
        try await test.ask(HTTPRequest("POST", "/api/v1/repos", [("Content-Type", type)], body: body)), 415)
      try expectProblem(try await test.ask(HTTPRequest("POST", "/api/v1/repos", body: body)), 415)
    }
  }

  @Test func `a body of more than a mebibyte is refused`() async throws {
    try await TestGateway.with { test async throws in
      let long = #"{"name":"a","description":""# + String(repeating: "x", count: 1 << 20) + #""}"#
      try expectProblem(try await test.call("POST", "/repos", long), 413)
    }
  }

  @Test func `escapes and other scripts come through`() async throws {
    let api = ScriptedAPI()
    api.onOther { _ in ScriptedAPI.success(#"{"id":"i","name":"a"}"#, status: 201) }
    try await TestGateway.with(api: api) { test async throws in
      let answer = try await test.call("POST", "/repos", #"{"name":"a","description":"\u00e4 \ud83d\ude00 \"\\\/\n"}"#)
      #expect(answer.status == 201)
      let sent = String(decoding: await test.apiServer.requests.first?.body ?? [], as: UTF8.self)
      #expect(sent.contains("ä 😀"))
    }
  }
}
