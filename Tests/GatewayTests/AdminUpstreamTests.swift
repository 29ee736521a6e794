import GatewayTestSupport
import Testing

/// An API in trouble, met by every call of the document that asks it.
@Suite(.timeLimit(.minutes(5))) struct AdminUpstreamTests {
  struct Trouble: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let said: ScriptedAnswer
    let status: Int
    /// Calls that pass bytes on take them as they are.
    var isContent = false
    /// It says that all went well.
    var isSuccess = false
    var code: Int?
    var retryAfter: String?
  }

  private static let html = [("Content-Type", "text/html")]

  static let troubles = [
    Trouble(testDescription: "it resets", said: ScriptedAnswer([.reset]), status: 502),
    Trouble(testDescription: "it closes", said: ScriptedAnswer([.close]), status: 502),
    Trouble(testDescription: "it is silent", said: ScriptedAnswer([.stall]), status: 504),
    Trouble(testDescription: "it is not HTTP", said: .bytes("SSH-2.0-x\r\n\r\n", then: .close), status: 502),
    Trouble(testDescription: "HTML", said: .response(200, html, text: "<html>"), status: 502, isContent: true),
    Trouble(testDescription: "HTML, 502", said: .response(502, html, text: "<html>"), status: 502),
    Trouble(testDescription: "HTML, 403", said: .response(403, html, text: "<html>"), status: 502),
    Trouble(testDescription: "a redirect", said: .response(302, [("Location", "/")], text: ""), status: 502),
    Trouble(
      testDescription: "no success",
      said: .json(200, #"{"result":null,"success":false,"errors":[{"code":10400,"message":"odd"}]}"#), status: 502,
      isContent: true, code: 10400),
    Trouble(testDescription: "garbage", said: .json(200, "\u{1}garbage"), status: 502, isContent: true),
    Trouble(testDescription: "cut JSON", said: .json(200, #"{"result":{"id":"i"#), status: 502, isContent: true),
    Trouble(
      testDescription: "a cut answer",
      said: .bytes(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{\"result\":", then: .close),
      status: 502, isContent: true),
    Trouble(
      testDescription: "another shape", said: .json(200, #"{"result":7,"success":true}"#), status: 502,
      isContent: true, isSuccess: true),
    Trouble(
      testDescription: "429", said: ScriptedAPI.failure(429, 10000, "slow down", [("Retry-After", "40")]), status: 429,
      code: 10000, retryAfter: "40"),
    Trouble(
      testDescription: "429 without JSON", said: .response(429, html + [("Retry-After", "40")], text: "<html>"),
      status: 429, retryAfter: "40"),
    Trouble(
      testDescription: "503", said: ScriptedAPI.failure(503, 10401, "later", [("Retry-After", "40")]), status: 503,
      code: 10401, retryAfter: "40"),
    Trouble(
      testDescription: "refused", said: ScriptedAPI.failure(401, 10000, "Authentication error"), status: 502,
      code: 10000),
    Trouble(testDescription: "failed", said: ScriptedAPI.failure(500, 10400, "boom"), status: 500, code: 10400),
    Trouble(testDescription: "missing", said: ScriptedAPI.failure(404, 10200, "not found"), status: 404, code: 10200),
  ]

  @Test(arguments: troubles)
  func `every call says what is wrong with the API`(trouble: Trouble) async throws {
    let api = ScriptedAPI()
    api.onOther { _ in trouble.said }
    api.onMint { _ in trouble.said }
    api.onRevoke { trouble.said }
    try await TestGateway.with(api: api, configure: { $0.becomeImpatient() }) { test async throws in
      // Those that may be asked twice wait before they do so: all at once.
      try await withThrowingTaskGroup(of: Void.self) { group in
        for operation in AdminContract.operations where operation.statuses.contains(502) {
          group.addTask {
            try await Self.expect(trouble, operation, try await test.ask(AdminSample(operation).request()))
          }
        }
        try await group.waitForAll()
      }
      #expect(try await test.call("GET", "/status").status == 200)
    }
  }

  private static func expect(
    _ trouble: Trouble, _ operation: AdminContract.Operation, _ answer: HTTPAnswer
  ) async throws {
    if trouble.isContent, operation.content["responses"]["200"]["content"].members["*/*"] != nil {
      #expect(answer.status == 200, "\(operation): \(answer)")
      return
    }
    // A deletion without a result looks at none.
    if trouble.isSuccess, answer.status == 204 { return }
    #expect(answer.status == trouble.status, "\(operation): \(answer)")
    #expect(answer.field("content-type") == "application/problem+json", "\(operation)")
    #expect(answer.field("retry-after") == trouble.retryAfter, "\(operation): \(answer)")
    let problem = try answer.decoded(AdminProblem.self)
    #expect(problem.status == trouble.status && problem.code == trouble.code, "\(operation): \(answer)")
    #expect(!problem.detail.isEmpty && problem.request_id == answer.field("x-request-id"), "\(operation)")
  }

  @Test func `an API that is not there is told of by every call`() async throws {
    try await TestGateway.with(configure: { $0.becomeImpatient() }) { test async throws in
      await test.apiServer.stop()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for operation in AdminContract.operations where operation.statuses.contains(502) {
          group.addTask {
            let answer = try await test.ask(AdminSample(operation).request())
            let problem = try expectProblem(answer, 502)
            #expect(problem.detail.contains("not reachable"), "\(operation): \(answer)")
          }
        }
        try await group.waitForAll()
      }
    }
  }
}
