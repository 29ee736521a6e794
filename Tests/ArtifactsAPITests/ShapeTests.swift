import ArtifactsAPI
import GatewayTestSupport
import HTTPCore
import Testing

/// What the service is known to say in more than one way.
@Suite(.timeLimit(.minutes(1))) struct ShapeTests {
  @Test(arguments: [
    #"{"namespace":"team","jurisdiction":"eu","repo_count":3}"#, #"{"id":"ns_1","name":"team"}"#,
  ])
  func `a namespace has its name under either key`(json: String) async throws {
    try await ScriptedClient.with({ _ in ScriptedAPI.success(json) }) { test async throws in
      let found = try await test.client.getNamespace("team")
      #expect(found.namespace == "team")
    }
  }

  @Test(arguments: [
    #"{"hash":"h","treeHash":"t","message":"m","parents":["p"],"authoredAt":1,"committedAt":2}"#,
    #"{"hash":"h","tree_hash":"t","message":"m","parents":["p"],"authored_at":1,"committed_at":2}"#,
  ])
  func `a commit is read in both spellings`(json: String) async throws {
    try await ScriptedClient.with({ _ in ScriptedAPI.success(json) }) { test async throws in
      let commit = try await test.client.getCommit("default", "demo", hash: "h")
      #expect(commit.treeHash == "t")
      #expect(commit.parents == ["p"])
      #expect(commit.authoredAt == 1 && commit.committedAt == 2)
    }
  }

  @Test func `arrays that are left out count as empty`() async throws {
    try await ScriptedClient.with({ _ in .json(200, #"{"result":null,"success":true}"#) }) { test async throws in
      #expect(try await test.client.listRepos("default").items.isEmpty)
      #expect(try await test.client.log("default", "demo").isEmpty)
      #expect(try await test.client.listTokens("default", repo: "demo").tokens.isEmpty)
    }
  }

  @Test(arguments: [
    ScriptedAnswer.bytes("HTTP/1.1 204 No Content\r\n\r\n"), ScriptedAPI.success("{}"),
    .bytes("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"),
  ])
  func `deletions may answer without a body`(answer: ScriptedAnswer) async throws {
    try await ScriptedClient.with({ _ in answer }) { test async throws in
      try await test.client.deleteNamespace("team")
      #expect(try await test.client.deleteRepo("team", "demo") == nil)
    }
  }

  @Test(
    arguments: [
      (#"{"cursor":"next"}"#, "next"), (#"{"cursor":""}"#, nil), (#"{"cursor":"first"}"#, nil), (#"{"page":1}"#, nil),
      ("null", nil),
    ] as [(String, String?)])
  func `there is another page only behind a cursor that is new`(info: String, next: String?) async throws {
    let json = #"{"result":[],"success":true,"result_info":\#(info)}"#
    try await ScriptedClient.with({ _ in .json(200, json) }) { test async throws in
      #expect(try await test.client.listRepos("default", query: [("cursor", "first")]).cursor == next)
    }
  }

  @Test func `a walk ends where a cursor comes again`() {
    var walk = CursorWalk()
    #expect(walk.next(after: "a") == "a")
    #expect(walk.next(after: "b") == "b")
    #expect(walk.next(after: "a") == nil)
    #expect(walk.next(after: "") == nil)
    #expect(walk.next(after: nil) == nil)
  }

  @Test(arguments: [
    #""token":"art_v1_x","expires_at":"2030-01-01T00:00:00.000Z""#,
    #""token":"art_v1_x","token_expires_at":"2030-01-01T00:00:00Z""#, #""token":"art_v1_x?expires=1893456000""#,
  ])
  func `the end of a first token is told in three ways`(fields: String) async throws {
    try await ScriptedClient.with({ _ in ScriptedAPI.success(#"{"id":"i","name":"n",\#(fields)}"#) }) {
      test async throws in
      #expect(try await test.client.createRepo("default", name: "n").tokenExpiresAt == 1_893_456_000)
    }
  }

  @Test func `every call goes where the service has it`() async throws {
    try await ScriptedClient.with({ _ in ScriptedAPI.success(#"{"id":"i","name":"n"}"#) }) { test async throws in
      let client = test.client
      _ = try await client.forkRepo("ns", "a", name: "b", default_branch_only: true)
      _ = try await client.importRepo("ns", "c", url: "https://example.com/x.git", depth: 1)
      _ = try await client.createNamespace("ns", jurisdiction: "eu")
      try await client.revokeToken("ns", id: "tok")
      _ = try await client.getRaw("ns", "a", ref: "feature/x", path: ["dir", "ä b"])
      let requests = await test.server.requests
      let base = "/client/v4/accounts/acct/artifacts/namespaces"
      #expect(
        requests.map { "\($0.head.method.rawValue) \($0.target)" } == [
          "POST \(base)/ns/repos/a/fork", "POST \(base)/ns/repos/c/import", "POST \(base)",
          "DELETE \(base)/ns/tokens/tok",
          "GET \(base)/ns/repos/a/raw/feature%2Fx/dir/%C3%A4%20b",
        ])
      #expect(requests.allSatisfy { $0.authorization == "Bearer token" })
    }
  }
}
