import GatewayTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ForwardedFieldsTests {
  static let stopped: [(String, String)] = [
    ("Authorization", "Basic Y2xpZW50OnNlY3JldA=="), ("Proxy-Authorization", "Basic x"), ("Cookie", "session=1"),
    ("Forwarded", "for=10.0.0.1"), ("X-Forwarded-For", "10.0.0.1"), ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "elsewhere"), ("X-Auth-Token", "secret"), ("X-Auth-User", "me"),
    ("CF-Access-Client-Id", "id"), ("CF-Access-Client-Secret", "secret"), ("CF-Access-Jwt-Assertion", "x"),
    ("TE", "trailers"), ("Trailer", "X-T"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABk"),
    ("Keep-Alive", "timeout=5"), ("Proxy-Connection", "keep-alive"), ("Connection", "X-Named, Upgrade"),
    ("X-Named", "by Connection"), ("Via", "1.1 elsewhere"), ("X-Real-IP", "10.0.0.1"), ("Content_Length", "5"),
    ("X.Dotted", "1"), ("Referer", "http://localhost/"),
  ]
  static let passed: [(String, String)] = [
    ("Git-Protocol", "version=2"), ("Accept", "*/*"), ("Accept-Encoding", "deflate, gzip"),
    ("Accept-Language", "de"), ("Pragma", "no-cache"), ("X-Other", "kept"),
  ]

  @Test(arguments: GitOperation.allCases)
  func `what belongs to this hop or to the client stays here, the rest goes upstream`(operation: GitOperation)
    async throws
  {
    let api = ScriptedAPI()
    try await TestGateway.with(api: api) { test in
      var request = operation.request()
      request.fields.removeAll { field in Self.passed.contains { $0.0 == field.0 } }
      for (name, value) in Self.stopped + Self.passed { request = request.with(name, value) }
      let answer = try await test.ask(request)
      #expect(answer.status == 200)
      let got = try #require(await test.upstream.requests.first)
      for (name, value) in Self.stopped {
        #expect(got.field(name.lowercased()) != value, "\(name)")
        if name != "Authorization" { #expect(got.field(name.lowercased()) == nil, "\(name)") }
      }
      for (name, value) in Self.passed { #expect(got.field(name.lowercased()) == value, "\(name)") }
      #expect(got.field("user-agent") == GitOperation.git)
      #expect(got.field("host") == "127.0.0.1:\(test.upstreamPort)")
      #expect(got.fieldNames.filter { $0 == "authorization" || $0 == "host" }.count == 2)
      #expect(got.authorization == api.mints.first.map { "Bearer \($0.secret)" })
      if operation.request().method == "POST" {
        #expect(got.field("content-type") == operation.request().fields.first { $0.0 == "Content-Type" }?.1)
      }
    }
  }

  @Test(arguments: ["authorization", "host, authorization", "content-type, Authorization ,x"])
  func `Connection cannot take the token away`(options: String) async throws {
    try await TestGateway.with { test in
      let answer = try await test.ask(GitOperation.fetchRefs.request().with("Connection", options))
      // One that names a field of routing is refused as such.
      guard answer.status != 400 else { return #expect(options.contains("host")) }
      #expect(await test.upstream.requests.first?.authorization?.hasPrefix("Bearer art_v2_x_") == true)
    }
  }

  @Test(arguments: GitOperation.allCases)
  func `what would act on the client in the upstream's name stays here`(operation: GitOperation) async throws {
    let stopped = [
      ("Set-Cookie", "a=b"), ("Set-Cookie", "c=d"), ("WWW-Authenticate", "Basic"), ("Location", "https://elsewhere/"),
      ("Strict-Transport-Security", "max-age=1"), ("Alt-Svc", "h3"), ("NEL", "{}"), ("Report-To", "{}"),
      ("Clear-Site-Data", "*"), ("Proxy-Authenticate", "Basic"), ("Connection", "X-Named"), ("X-Named", "1"),
      ("Keep-Alive", "timeout=5"), ("X-Artifacts-Gateway-Error", "fake"), ("X-Request-Id", "fake"),
    ]
    try await TestGateway.with(upstream: { _ in
      .response(
        200, [("Content-Type", operation.answerType), ("Cache-Control", "no-cache"), ("CF-Ray", "1")] + stopped,
        operation.answerBody)
    }) { test in
      let answer = try await test.ask(operation)
      #expect(answer.body == operation.answerBody)
      for (name, _) in stopped { #expect(answer.field(name.lowercased()) == nil, "\(name)") }
      #expect(answer.field("cache-control") == "no-cache")
      #expect(answer.field("cf-ray") == "1")
    }
  }
}
