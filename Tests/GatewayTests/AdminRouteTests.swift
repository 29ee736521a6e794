import Gateway
import GatewayTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct AdminRouteTests {
  static let hash = String(repeating: "a", count: 40)

  @Test(arguments: [
    ("PATCH", "/repos", "GET, HEAD, POST"), ("POST", "/repos/a", "GET, HEAD, PUT, DELETE"),
    ("GET", "/repos/a/fork", "POST"),
    ("GET", "/tokens/t", "DELETE"), ("PUT", "/namespaces", "GET, HEAD, POST"), ("POST", "/status", "GET, HEAD"),
    ("POST", "/namespaces/x/repos/a/log", "GET, HEAD"),
  ])
  func `another method is told which ones there are`(method: String, path: String, allow: String) async throws {
    try await TestGateway.with { test async throws in
      let answer = try await test.call(method, path)
      try expectProblem(answer, 405)
      #expect(answer.field("allow") == allow)
    }
  }

  @Test(arguments: ["", "/", "/nothing", "/repos/a/b", "/namespaces/x/status", "/namespaces/x/y", "/repos/a/raw/main"])
  func `what is no call is not found`(path: String) async throws {
    try await TestGateway.with { test async throws in
      _ = try expectProblem(try await test.call("GET", path), 404)
    }
  }

  @Test(arguments: [
    ("/repos/-a", "/name"), ("/repos/a%2Fb", "/name"), ("/repos/a%00", "/path"), ("/repos/%zz", "/path"),
    ("/repos/%ff", "/path"),
    ("/repos/..", "/path"), ("/repos/%2e%2e", "/path"), ("/repos//a", "/path"), ("/namespaces/-/repos", "/namespace"),
    ("/repos/a/raw/main/%2e%2e/x", "/path"), ("/repos/a/raw/main/x%2F..%2Fy", "/path"), ("/repos/a/raw/../x", "/path"),
    ("/repos/a/commits/xyz", "/hash"), ("/repos/a/trees/\(hash.uppercased())", "/hash"),
    ("/repos/a/blobs/\(hash)0", "/hash"),
    ("/repos?limt=1", "/query"), ("/repos?limit=1&limit=2", "/limit"), ("/repos?search=%f", "/search"),
    ("/repos/a/file?ref=main", "/path"), ("/namespaces/a%20b", "/namespace"),
  ])
  func `what cannot be is refused before anybody is asked`(path: String, pointer: String) async throws {
    try await TestGateway.with { test async throws in
      try expectProblem(try await test.call("GET", path), 400, pointer: pointer)
      #expect(await test.apiServer.requests.isEmpty)
    }
  }

  @Test(arguments: [
    ("PUT", "/repos/a"), ("DELETE", "/repos/a"), ("POST", "/namespaces"), ("DELETE", "/tokens/t"),
    ("POST", "/repos/a/tokens"),
  ])
  func `pages of other sites change nothing`(method: String, path: String) async throws {
    try await TestGateway.with { test async throws in
      try expectProblem(try await test.call(method, path, nil, [("Sec-Fetch-Site", "cross-site")]), 403)
      try expectProblem(try await test.call(method, path, nil, [("Origin", "http://evil.example")]), 403)
      #expect(await test.apiServer.requests.isEmpty)
    }
  }

  @Test func `a name with dots and an encoded letter is one name`() async throws {
    try await TestGateway.with { test async throws in
      for path in ["/repos/my.repo", "/repos/my%2erepo", "/namespaces/default/repos/%6Dy.repo/"] {
        #expect(try await test.call("GET", path).status == 200)
      }
      #expect(Set(await test.apiServer.requests.map(\.target)).count == 1)
    }
  }

  @Test(arguments: [("my%20file+x", "my%20file%20x"), ("my+file%2Bx", "my%20file%2Bx")])
  func `a blank in a query may be a plus sign, as forms write it`(written: String, sent: String) async throws {
    let api = ScriptedAPI()
    api.onOther { _ in ScriptedAPI.success("[]") }
    try await TestGateway.with(api: api) { test async throws in
      #expect(try await test.call("GET", "/repos?search=\(written)").status == 200)
      #expect(await test.apiServer.requests.first?.target.hasSuffix("?search=\(sent)") == true)
    }
  }

  @Test func `the status names no secrets and asks nobody`() async throws {
    try await TestGateway.with(configure: { $0.createsOnPush = true }) { test async throws in
      let answer = try await test.call("GET", "/status")
      #expect(answer.status == 200)
      #expect(
        answer.text
          == #"{"create_on_push":true,"namespace":"default","read_only":false,"state":"ready","tokens_minted":0}"#
          + "\n")
      #expect(try await test.call("HEAD", "/status").body.isEmpty)
      #expect(await test.apiServer.requests.isEmpty)
    }
  }
}
