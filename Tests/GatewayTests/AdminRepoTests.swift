import ArtifactsAPI
import Gateway
import GatewayTestSupport
import HTTPCore
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5))) struct AdminRepoTests {
  private struct View: Decodable {
    var id: String
    var name: String
    var clone_url: String
    var token: String?
    var read_only: Bool?
    var objects: Int?
  }

  private static let token = "art_v1_first?expires=99999999999"

  /// Answers creates, forks and imports with a repo and its token.
  private static func creating() -> ScriptedAPI {
    let api = ScriptedAPI()
    api.onOther { request in
      request.isPost
        ? ScriptedAPI.success(#"{"id":"i","name":"made","objects":7,"token":"\#(token)"}"#, status: 201)
        : ScriptedAPI.failure(404, 10200, "Repository not found")
    }
    return api
  }

  @Test(arguments: [
    ("POST", "/repos", #"{"name":"made","read_only":true}"#), ("PUT", "/repos/made", #"{"read_only":true}"#),
    ("POST", "/repos/demo/fork", #"{"name":"made","read_only":true}"#),
    ("POST", "/repos/made/import", #"{"url":"https://example.com/x","depth":1,"read_only":true}"#),
  ])
  func `a new repo is shown with its clone URL, and with its token only when asked`(
    method: String, path: String, body: String
  ) async throws {
    try await TestGateway.with(api: Self.creating()) { test async throws in
      let answer = try await test.call(method, "/namespaces/team\(path)", body)
      #expect(answer.status == 201)
      #expect(answer.field("location") == "/api/v1/namespaces/team/repos/made")
      let view = try answer.decoded(View.self)
      #expect(view.clone_url == "http://localhost/git/team/made")
      #expect(view.read_only == true && view.token == nil)
      #expect(!answer.text.contains("art_v1_"))
      let asked = try await test.call(method, "/namespaces/team\(path)?include_token=true", body)
      #expect(try asked.decoded(View.self).token == Self.token)
      try expectProblem(
        try await test.call(method, "/namespaces/team\(path)?include_token=1", body), 400, pointer: "/include_token")
    }
  }

  @Test func `the token of a new repo serves its first push`() async throws {
    let api = ScriptedAPI()
    api.onOther { request in
      request.isPost
        ? ScriptedAPI.success(#"{"id":"i","name":"made","token":"\#(Self.token)"}"#, status: 201)
        : ScriptedAPI.success(#"{"id":"i","name":"made","remote":"\#(api.remote(of: "made"))"}"#)
    }
    try await TestGateway.with(api: api) { test async throws in
      #expect(try await test.call("POST", "/repos", #"{"name":"made"}"#).status == 201)
      #expect(try await test.ask(.pushRefs, "made").status == 200)
      #expect(api.mints.isEmpty)
      #expect(await test.upstream.requests.first?.authorization == "Bearer \(Self.token)")
    }
  }

  @Test func `PUT gives the repo that is there, also one that somebody else has just made`() async throws {
    let looked = Atomic(0)
    let api = ScriptedAPI()
    api.onOther { request in
      if request.isPost { return ScriptedAPI.failure(409, 10201, "repo already exists: demo") }
      return looked.add(1, ordering: .relaxed).oldValue == 0
        ? ScriptedAPI.failure(404, 10200, "Repository not found") : ScriptedAPI.success(#"{"id":"i","name":"demo"}"#)
    }
    try await TestGateway.with(api: api) { test async throws in
      for _ in 0..<2 {
        let answer = try await test.call("PUT", "/repos/demo", "{}")
        #expect(answer.status == 200)
        #expect(try answer.decoded(View.self).clone_url == "http://localhost/git/demo")
      }
      try expectProblem(try await test.call("PUT", "/repos/demo", #"{"name":"other"}"#), 400, pointer: "/name")
    }
  }

  @Test func `a deleted repo is forgotten on every loop`() async throws {
    let isGone = Atomic(false)
    let api = ScriptedAPI()
    api.onOther { request in
      if request.head.method == .delete {
        isGone.store(true, ordering: .relaxed)
        return ScriptedAPI.success(#"{"id":"i"}"#, status: 202)
      }
      return isGone.load(ordering: .relaxed)
        ? ScriptedAPI.failure(404, 10200, "Repository not found")
        : ScriptedAPI.success(#"{"id":"i","name":"demo","remote":"\#(api.remote(of: "demo"))"}"#)
    }
    try await TestGateway.with(api: api) { test async throws in
      for operation in [GitOperation.fetchRefs, .pushRefs] { #expect(try await test.ask(operation).status == 200) }
      let answer = try await test.call("DELETE", "/repos/demo")
      #expect(answer.status == 202)
      #expect(answer.text == #"{"id":"i"}"# + "\n")
      for operation in [GitOperation.fetchRefs, .pushRefs] {
        let refused = try await test.ask(operation)
        #expect(refused.status == 404)
        #expect(refused.text.contains("curl -X PUT http://localhost/api/v1/repos/demo"))
      }
      #expect(await test.upstream.requests.count == 2)
    }
  }

  @Test(
    arguments: [
      (409, 10201, 409, "ALREADY_EXISTS"), (404, 10200, 404, "NOT_FOUND"), (422, 10106, 422, "REMOTE_AUTH_REQUIRED"),
      (500, 10400, 500, "INTERNAL_ERROR"), (409, 10302, 409, "IMPORT_IN_PROGRESS"), (401, 10000, 502, nil),
      (403, 10000, 502, nil), (407, 10000, 502, nil),
    ] as [(Int, Int, Int, String?)])
  func `what the service refuses keeps its number and its name`(status: Int, code: Int, shown: Int, name: String?)
    async throws
  {
    let api = ScriptedAPI()
    api.onOther { _ in ScriptedAPI.failure(status, code, "the service says so") }
    try await TestGateway.with(api: api) { test async throws in
      let problem = try expectProblem(
        try await test.call("POST", "/repos/demo/import", #"{"url":"https://example.com/x"}"#), shown, code: code)
      #expect(problem.name == name && problem.detail == "the service says so")
    }
  }

  @Test func `a limit of the service is passed on with its Retry-After`() async throws {
    let api = ScriptedAPI()
    api.onOther { _ in ScriptedAPI.failure(429, 10000, "slow down", [("Retry-After", "40")]) }
    try await TestGateway.with(api: api) { test async throws in
      let answer = try await test.call("GET", "/repos")
      try expectProblem(answer, 429, code: 10000)
      #expect(answer.field("retry-after") == "40")
    }
  }

  @Test func `an API that does not answer is 504, one that is not there 502`() async throws {
    let api = ScriptedAPI()
    api.onOther { _ in ScriptedAnswer([.stall]) }
    try await TestGateway.with(api: api, configure: { $0.becomeImpatient() }) { test async throws in
      try expectProblem(try await test.call("GET", "/repos"), 504)
      await test.apiServer.stop()
      try expectProblem(try await test.call("GET", "/repos/demo"), 502)
    }
  }
}
