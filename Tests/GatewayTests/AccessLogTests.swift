import ArtifactsAPI
import GatewayTestSupport
import Logging
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(5))) struct AccessLogTests {
  /// The lines of requests that `body` made, read.
  private func lines(
    upstream: @escaping ScriptedServer.Script = TestGateway.healthy, api: ScriptedAPI = ScriptedAPI(),
    configure: (inout GatewayConfiguration) -> Void = { _ in }, _ body: (TestGateway) async throws -> Void
  ) async throws -> [JSONTree] {
    let log = try LogPipe()
    try await TestGateway.with(upstream: upstream, api: api, log: log.sink, configure: configure, body)
    return try await log.finish().split(separator: "\n").map { try JSONTree(parsing: Array($0.utf8)) }.filter {
      $0["message"].text == "request"
    }
  }

  @Test func `a line tells all of a request`() async throws {
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    let lines = try await lines { test in
      _ = try await test.ask(GitOperation.push.request().with("traceparent", trace))
      #expect(await test.upstream.requests.last?.field("traceparent") == trace)
    }
    let line = try #require(lines.first)
    #expect(lines.count == 1)
    for (name, value) in [
      ("level", "info"), ("service", "receive-pack"), ("repo", "default/demo"), ("http", "1.1"), ("end", "--"),
      ("trace_id", "0af7651916cd43dd8448eb211c80319c"), ("span_id", "b7ad6b7169203331"),
    ] { #expect(line[name].text == value, "\(name)") }
    #expect(line["client"].text?.hasPrefix("127.0.0.1:") == true)
    #expect(line["request"].text?.count == 6)
    #expect(line["status"].number == 200)
    #expect(line["bytes_in"].number == GitOperation.push.body.count)
    #expect(try #require(line["bytes_out"].number) > GitOperation.push.answerBody.count)
    for name in ["token_ms", "first_byte_ms", "total_ms"] {
      var time = -1.0
      if case .number(let value) = line[name] { time = value }
      #expect(time >= 0 && time < 60_000, "\(name)")
    }
    for name in ["retries", "cache", "error", "reason", "path", "tls_ms"] { #expect(line[name] == .null, "\(name)") }
    #expect(line["time"].text?.utf8.count == 24)
  }

  @Test func `a probe has none, a call of the API has its method and path, and what is in a path is escaped`()
    async throws
  {
    let lines = try await lines { test in
      for path in ["/livez", "/readyz", "/metrics"] { _ = try await test.ask(HTTPRequest("GET", path)) }
      _ = try await test.ask(HTTPRequest("GET", "/api/v1/status?x=secret"))
      _ = try await test.ask(HTTPRequest("GET", "/a%1b\"\\b"))
      _ = try await test.ask(HTTPRequest("GET", "/" + String(repeating: "x", count: 4_000)))
    }
    #expect(lines.map { $0["service"].text } == ["api", "ops", "ops"])
    #expect(lines[0]["path"].text == "/api/v1/status" && lines[0]["method"].text == "GET")
    #expect(lines[1]["path"].text == "/a%1b\"\\b")
    #expect(lines[2]["path"].text?.count == 515)
  }

  @Test func `retries and the time for a token are told`() async throws {
    let api = ScriptedAPI()
    let lines = try await lines(
      upstream: { request in
        request.authorization == "Bearer \(api.mints.first?.secret ?? "")"
          ? .response(403, text: "Invalid or expired token") : TestGateway.healthy(request)
      }, api: api
    ) { test in _ = try await test.ask(.fetchRefs) }
    #expect(lines.first?["retries"].number == 1)
    #expect(lines.first?["status"].number == 200)
  }

  /// What ends a request before its time, and the code that says so.
  struct Ending: CustomTestStringConvertible {
    let code: String
    let error: String?
    let request: HTTPRequest
    var upstream: ScriptedServer.Script = TestGateway.healthy
    var prepare: @Sendable (ScriptedAPI) -> Void = { _ in }
    var configure: @Sendable (inout GatewayConfiguration) -> Void = { _ in }
    var testDescription: String { "\(code) \(request.method) \(request.target)" }
  }

  static let endings: [Ending] = [
    Ending(code: "--", error: nil, request: GitOperation.fetch.request()),
    Ending(code: "--", error: nil, request: HTTPRequest("GET", "/")),
    Ending(code: "GR", error: "not_found", request: HTTPRequest("GET", "/nope")),
    Ending(code: "GR", error: "bad_request", request: HTTPRequest("GET", "/api/v1/repos?limit=x")),
    Ending(
      code: "GR", error: "read_only", request: GitOperation.push.request(), configure: { $0.isReadOnly = true }),
    Ending(
      code: "GQ", error: "busy", request: GitOperation.push.request(), configure: { $0.maxTransfers = 0 }),
    Ending(
      code: "UT", error: "no_such_repo", request: GitOperation.fetchRefs.request(),
      prepare: { $0.onLookUp { _ in ScriptedAPI.failure(404, 10200, "Not found") } }),
    Ending(
      code: "UT", error: "credentials", request: GitOperation.pushRefs.request(),
      configure: { $0.endpoint = APIEndpoint(base: $0.endpoint.base, accountID: "acct", token: { nil }) }),
    Ending(
      code: "UC", error: "upstream_unreachable", request: GitOperation.pushRefs.request(),
      configure: {
        $0.remoteTemplate = "http://127.0.0.1:1/{repo}"
      }),
    Ending(
      code: "UH", error: "upstream_error", request: GitOperation.push.request(),
      upstream: { _ in .response(500, text: "no") }),
    Ending(
      code: "uH", error: "upstream_timeout", request: GitOperation.pushRefs.request(),
      upstream: { _ in ScriptedAnswer([.stall]) }, configure: { $0.refsFirstByte = .milliseconds(50) }),
    Ending(
      code: "UD", error: "upstream_cut", request: GitOperation.fetch.request(),
      upstream: { _ in
        .bytes(
          "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-result\r\nContent-Length: 99\r\n\r\n0008NAK\n",
          then: .close)
      }),
    Ending(code: "CR", error: "malformed", request: HTTPRequest("GET", "/\u{7f}")),
  ]

  @Test(arguments: endings) func `the line says who ended a request, and when`(_ ending: Ending) async throws {
    let api = ScriptedAPI()
    ending.prepare(api)
    let lines = try await lines(upstream: ending.upstream, api: api, configure: { ending.configure(&$0) }) { test in
      _ = try? await test.ask(ending.request)
    }
    #expect(lines.count == 1)
    #expect(lines.first?["end"].text == ending.code)
    #expect(lines.first?["error"].text == ending.error)
  }

  @Test func `a client that goes away, and a gateway that does not wait any longer, are told apart`() async throws {
    let lines = try await lines(upstream: { _ in ScriptedAnswer([.stall]) }) { test in
      let gone = try await test.connect()
      try await gone.send(GitOperation.fetch.request().bytes)
      await test.upstream.waitForRequests(1)
      await gone.close()
      await test.upstream.waitForEnd(ofRequest: 0)
      let cut = try await test.connect()
      try await cut.send(GitOperation.push.request().bytes)
      await test.upstream.waitForRequests(2)
      _ = await test.gateway.drain(timeout: .zero)
      await cut.waitForEnd()
      await cut.close()
    }
    #expect(lines.map { $0["end"].text } == ["CH", "KH"])
    #expect(lines.map { $0["status"].number } == [0, 0])
  }

  @Test func `the level can be changed while the gateway runs, for all who log`() async throws {
    let lines = try await lines { test in
      #expect(test.gateway.log.level == .trace)
      test.gateway.log.level = .warning
      _ = try await test.ask(.fetchRefs)
      _ = try await test.ask(HTTPRequest("POST", "/git/demo/git-upload-pack"))
      #expect(test.gateway.log.logger.logLevel == .warning)
      test.gateway.log.level = .info
      _ = try await test.ask(.pushRefs)
    }
    #expect(lines.map { $0["level"].text } == ["warning", "info"])
  }
}
