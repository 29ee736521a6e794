import ArtifactsEmulator
import Testing

@Suite struct EnvelopeTests {
  @Test func `a success has its members in the recorded order`() async throws {
    try await TestService.with { service in
      let answer = await service.ask("GET", "/namespaces/demo/repos")
      let expected =
        #"{"result":[],"success":true,"errors":[],"messages":[],"#
        + #""result_info":{"page":1,"per_page":50,"total_pages":0,"count":0,"total_count":0}}"#
      #expect(answer.text == expected)
      #expect(answer.contentType == "application/json")
    }
  }

  @Test func `a failure has its members in the recorded order`() async throws {
    try await TestService.with { service in
      let answer = await service.ask("POST", "/namespaces", #"{"namespace":"-x"}"#)
      let expected =
        #"{"result":null,"success":false,"errors":[{"code":10100,"message":"Invalid namespace name","#
        + #""documentation_url":"https://developers.cloudflare.com/artifacts/api/errors#10100","#
        + #""source":{"pointer":"/namespace"}}],"messages":[]}"#
      #expect(answer.text == expected)
    }
  }

  @Test(arguments: [
    nil, "", "Bearer", "Bearer ", "Bearer wrong", "bearer test-api-toke", "Bearer test-api-token2", "Basic dGVzdA==",
    "test-api-token",
  ])
  func `a request without the API token is not authenticated`(authorization: String?) async throws {
    try await TestService.with { service in
      let request = APIRequest(method: "GET", path: TestService.root + "/namespaces", authorization: authorization)
      let answer = Answer(await service.plane.reply(to: request))
      #expect(answer.status == 401)
      #expect(answer.code == 10000)
      #expect(answer.message == "Authentication error")
      #expect(answer.result == .null)
    }
  }

  @Test(arguments: [
    ("GET", "/namespaces/demo/widgets"), ("PATCH", "/namespaces/demo/repos/x"),
    ("POST", "/namespaces/demo/repos/x/tokens"),
    ("GET", "/namespaces/demo/repos/x/"), ("GET", "/namespaces/demo/repos/%zz"), ("GET", "/other"),
    ("GET", "/namespaces/demo/repos/x/tokens/y"),
  ])
  func `a route that the service lacks is plain text`(method: String, path: String) async throws {
    try await TestService.with { service in
      let answer = await service.ask(method, path)
      #expect(answer.status == 404)
      #expect(answer.contentType == "text/plain; charset=UTF-8")
      #expect(answer.text == "404 Not Found")
    }
  }

  @Test(arguments: [
    ("a", true), ("A-z_9", true), ("", false), ("a.b", false), (String(repeating: "a", count: 65), false),
  ])
  func `any short plain word is an account`(account: String, known: Bool) async throws {
    try await TestService.with { service in
      let path = "/accounts/\(account)/artifacts/namespaces"
      let request = APIRequest(method: "GET", path: path, authorization: "Bearer \(TestService.token)")
      #expect(await service.plane.reply(to: request).status == (known ? 200 : 404))
    }
  }

  @Test(arguments: [
    ("", "Malformed JSON in request body"), ("{", "Malformed JSON in request body"),
    ("[]", "Invalid input: expected object, received array"), ("7", "Invalid input: expected object, received number"),
    ("null", "Invalid input: expected object, received null"),
  ])
  func `a body that is no JSON object is refused`(body: String, message: String) async throws {
    try await TestService.with { service in
      let answer = await service.ask("POST", "/namespaces/demo/repos", body)
      #expect(answer.status == 400)
      #expect(answer.code == 10100)
      #expect(answer.message == message)
      #expect(answer.pointer == nil)
    }
  }

  @Test func `a body of another content type is refused`() async throws {
    try await TestService.with { service in
      let request = APIRequest(
        method: "POST", path: TestService.root + "/namespaces", authorization: "Bearer \(TestService.token)",
        contentType: "text/plain", body: Array(#"{"namespace":"demo"}"#.utf8))
      #expect(await service.plane.reply(to: request).status == 400)
    }
  }

  @Test(arguments: [0, 1_791_451_800_123, 951_827_696_789])
  func `times are ISO 8601 in UTC with milliseconds`(milliseconds: Int64) {
    let expected: [Int64: String] = [
      0: "1970-01-01T00:00:00.000Z", 1_791_451_800_123: "2026-10-08T09:30:00.123Z",
      951_827_696_789: "2000-02-29T12:34:56.789Z",
    ]
    #expect("\(Timestamp(milliseconds: milliseconds))" == expected[milliseconds])
  }
}
