import Gateway
import GatewayTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct SecrecyTests {
  @Test func `no secret reaches the log, the client or the wrong peer`() async throws {
    let log = try LogPipe()
    let api = ScriptedAPI()
    let upstream: ScriptedServer.Script = { request in
      switch request.field("x-fault") {
      case let name?:
        Fault(rawValue: name).flatMap { fault in GitOperation(request).map(fault.answer) } ?? .response(404)
      case nil: TestGateway.healthy(request)
      }
    }
    let clientSecret = "client-secret-of-the-test"
    var answers: [String] = []
    try await TestGateway.with(upstream: upstream, api: api, log: log.sink) { test in
      for operation in GitOperation.allCases {
        for fault in [nil, Fault.status403, .status500, .garbage, .cutAfterHead, .html] as [Fault?] {
          var request = operation.request().with("Authorization", "Bearer \(clientSecret)")
          if let fault { request = request.with("X-Fault", fault.rawValue) }
          answers.append("\(try await test.ask(request))")
        }
      }
      let text = (await test.upstream.requests + (await test.apiServer.requests)).map(\.text).joined()
      #expect(!text.contains(clientSecret))
      #expect(!(await test.upstream.requests.map(\.text).joined()).contains(TestGateway.apiToken))
    }
    let lines = await log.finish()
    #expect(lines.contains(#""message":"request""#))
    for secret in api.mints.map(\.secret) + [clientSecret, TestGateway.apiToken] {
      #expect(!lines.contains(secret))
      for answer in answers { #expect(!answer.contains(secret)) }
    }
  }

  @Test func `every request has one line, which is JSON and tells how it went`() async throws {
    let log = try LogPipe()
    try await TestGateway.with(upstream: { _ in Fault.status500.answer(to: .push) }, log: log.sink) { test in
      _ = try await test.ask(.push)
      _ = try await test.ask(.fetchRefs, "x\u{1b}[31m")
    }
    let lines = await log.finish().split(separator: "\n").filter { $0.contains(#""message":"request""#) }
    // The second could not be read.
    #expect(lines.count == 2)
    let line = lines.first ?? ""
    for part in [
      #""level":"warning""#, #""error":"upstream_error""#, #""service":"receive-pack""#, #""repo":"default/demo""#,
    ] {
      #expect(line.contains(part), "\(line)")
    }
  }
}
