import ArtifactsEmulator
import GatewayTestSupport
import Testing

/// The same life of a repo in the flat JSON of the admin API, with the embedded service behind it.
@Suite(.enabled(if: Git.isThere), .timeLimit(.minutes(5))) struct AdminLifecycleTests {
  private func call(_ test: EmulatorGateway, _ method: String, _ path: String, _ body: String? = nil) async throws
    -> HTTPAnswer
  {
    let type = body == nil ? [] : [("Content-Type", "application/json")]
    return try await test.ask(HTTPRequest(method, "/api/v1\(path)", type, body: Array((body ?? "").utf8)))
  }

  /// A repo as it is told: names in order of the alphabet, null where the service says null.
  private func repo(_ name: String, source: String = "null", status: String = "") -> String {
    "{\"clone_url\":\"BASE/git/\(name)\",\"created_at\":\"TIME\",\"default_branch\":\"main\",\"description\":null,"
      + "\"id\":\"ID\",\"last_push_at\":null,\"name\":\"\(name)\",\"read_only\":false,"
      + "\"remote\":\"BASE/git/default/\(name).git\",\"source\":\(source)\(status),\"updated_at\":\"TIME\"}"
  }

  private func made(_ name: String, objects: String = "", token: String = "") -> String {
    "{\"clone_url\":\"BASE/git/\(name)\",\"default_branch\":\"main\",\"description\":null,\"id\":\"ID\",\"name\":\"\(name)\"\(objects),"
      + "\"read_only\":false,\"remote\":\"BASE/git/default/\(name).git\"\(token)}\n"
  }

  private func problem(
    _ status: Int, _ title: String, _ code: Int, _ name: String, _ detail: String, pointer: String = ""
  )
    -> String
  {
    "{\"code\":\(code),\"detail\":\"\(detail)\",\"name\":\"\(name)\"\(pointer),\"request_id\":\"ID\","
      + "\"status\":\(status),\"title\":\"\(title)\",\"type\":\"about:blank\"}\n"
  }

  private func expect(
    _ answer: HTTPAnswer, _ status: Int, _ masked: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(answer.status == status, sourceLocation: sourceLocation)
    #expect(answer.masked == masked, sourceLocation: sourceLocation)
    let type = status < 400 ? "application/json" : "application/problem+json"
    #expect(answer.field("content-type") == type, sourceLocation: sourceLocation)
  }

  @Test func `a repo is created, ensured, listed and deleted`() async throws {
    try await EmulatorGateway.with { test in
      let created = try await call(test, "POST", "/repos", #"{"name":"starter-repo","default_branch":"main"}"#)
      expect(created, 201, made("starter-repo"))
      #expect(created.field("location") == "/api/v1/namespaces/default/repos/starter-repo")
      expect(
        try await call(test, "POST", "/repos", #"{"name":"starter-repo"}"#), 409,
        problem(409, "Conflict", 10201, "ALREADY_EXISTS", "repo already exists: starter-repo"))
      expect(try await call(test, "PUT", "/repos/starter-repo"), 200, repo("starter-repo") + "\n")
      expect(
        try await call(test, "PUT", "/repos/second?include_token=true"), 201,
        made("second", token: #","token":"TOKEN""#))
      let missing = problem(404, "Not Found", 10200, "NOT_FOUND", "Repository not found")
      expect(try await call(test, "GET", "/repos/none"), 404, missing)
      let ready = ",\"status\":\"ready\""
      let first = try await call(test, "GET", "/repos?limit=1&sort=name&direction=asc")
      expect(first, 200, "{\"next_cursor\":\"CURSOR\",\"repos\":[\(repo("second", status: ready))]}\n")
      let next = try await call(
        test, "GET", "/repos?limit=1&sort=name&direction=asc&cursor=\(first.string("next_cursor"))")
      expect(next, 200, "{\"next_cursor\":null,\"repos\":[\(repo("starter-repo", status: ready))]}\n")
      for _ in 0..<2 {
        let deleted = try await call(test, "DELETE", "/repos/starter-repo")
        expect(deleted, 202, "{\"id\":\"ID\"}\n")
        #expect(try deleted.string("id") == created.string("id"))
      }
      expect(try await call(test, "GET", "/repos/starter-repo"), 404, missing)
    }
  }

  @Test func `a hundred callers at once make one repo`() async throws {
    try await EmulatorGateway.with { test in
      var answers: [HTTPAnswer] = []
      try await withThrowingTaskGroup(of: HTTPAnswer.self) { group in
        for _ in 0..<100 { group.addTask { try await call(test, "PUT", "/repos/x") } }
        for try await answer in group { answers.append(answer) }
      }
      #expect(answers.count { $0.status == 201 } == 1)
      #expect(answers.count { $0.status == 200 } == 99)
      #expect(Set(try answers.map { try $0.string("id") }).count == 1)
      let listed = try await test.askService("GET", "/namespaces/default/repos")
      #expect(listed.text.contains(#""total_count":1"#))
    }
  }

  @Test func `tokens are minted, listed and revoked`() async throws {
    try await EmulatorGateway.with { test in
      #expect(try await call(test, "PUT", "/repos/demo").status == 201)
      let minted = try await call(test, "POST", "/repos/demo/tokens", #"{"scope":"read","ttl":"1h"}"#)
      expect(minted, 201, "{\"expires_at\":\"TIME\",\"id\":\"ID\",\"plaintext\":\"TOKEN\",\"scope\":\"read\"}\n")
      expect(
        try await call(test, "POST", "/repos/demo/tokens", #"{"ttl":99999999}"#), 400,
        problem(
          400, "Bad Request", 10103, "INVALID_TTL", "ttl must be between 60 and 31536000 seconds",
          pointer: #","pointer":"/ttl""#))
      for _ in 0..<2 {
        expect(try await call(test, "DELETE", "/tokens/\(minted.string("id"))"), 200, "{\"id\":\"ID\"}\n")
      }
      func token(_ scope: String, _ state: String) -> String {
        "{\"created_at\":\"TIME\",\"expires_at\":\"TIME\",\"id\":\"ID\",\"scope\":\"\(scope)\",\"state\":\"\(state)\"}"
      }
      expect(
        try await call(test, "GET", "/repos/demo/tokens?state=all&per_page=1&page=2"), 200,
        "{\"page\":2,\"per_page\":1,\"tokens\":[\(token("read", "revoked"))],\"total_count\":2,\"total_pages\":2}\n")
      expect(
        try await call(test, "GET", "/repos/demo/tokens"), 200,
        "{\"page\":1,\"per_page\":30,\"tokens\":[\(token("write", "active"))],\"total_count\":1,\"total_pages\":1}\n")
      expect(
        try await call(test, "DELETE", "/tokens/0123456789abcdef"), 404,
        problem(404, "Not Found", 10200, "NOT_FOUND", "Token not found"))
    }
  }

  @Test func `what is pushed is read, forked and imported`() async throws {
    try await EmulatorGateway.with(imports: ImportRule(allowsLoopbackHTTP: true)) { test in
      let url = try await test.seeded()
      let git = test.git
      let hash = try await git("-C", "work", "rev-parse", "main").prefix(40)
      let tree = try await git("-C", "work", "rev-parse", "main^{tree}").prefix(40)
      let blob = try await git("-C", "work", "rev-parse", "main:README.md").prefix(40)
      let time = try await git("-C", "work", "log", "-1", "--format=%ct").prefix(10)
      let person = #"{"email":"test@localhost","name":"Test"}"#
      let commit =
        "{\"author\":\(person),\"authoredAt\":\(time),\"committedAt\":\(time),\"committer\":\(person),"
        + "\"hash\":\"\(hash)\",\"message\":\"Change README.md\",\"parents\":[],\"treeHash\":\"\(tree)\"}"
      expect(try await call(test, "GET", "/repos/demo/log?ref=main&limit=1"), 200, "{\"commits\":[\(commit)]}\n")
      expect(try await call(test, "GET", "/repos/demo/log?ref=none"), 200, "{\"commits\":[]}\n")
      expect(try await call(test, "GET", "/repos/demo/commits/\(hash)"), 200, commit + "\n")
      let entry = "{\"hash\":\"\(blob)\",\"mode\":\"100644\",\"name\":\"README.md\",\"type\":\"blob\"}"
      expect(try await call(test, "GET", "/repos/demo/trees/\(tree)"), 200, "{\"entries\":[\(entry)]}\n")
      for (path, type) in [
        ("blobs/\(blob)", "application/octet-stream"), ("file?ref=main&path=README.md", "application/octet-stream"),
        ("raw/main/README.md", "text/plain; charset=utf-8"),
      ] {
        let answer = try await call(test, "GET", "/repos/demo/\(path)")
        #expect((answer.status, answer.text, answer.field("content-type")) == (200, "# work\n", type))
      }
      expect(
        try await call(test, "GET", "/repos/demo/commits/\(blob)"), 404,
        problem(404, "Not Found", 10200, "NOT_FOUND", "Commit not found"))

      expect(
        try await call(test, "POST", "/repos/demo/fork", #"{"name":"fork"}"#), 201,
        made("fork", objects: #","objects":3"#))
      expect(
        try await call(test, "GET", "/repos/fork"), 200,
        repo("fork", source: #""artifacts:default/demo""#) + "\n")
      expect(try await call(test, "POST", "/repos/copy/import", #"{"url":"\#(url)"}"#), 201, made("copy"))
      expect(
        try await call(test, "GET", "/repos/copy"), 200,
        repo("copy", source: #""git:BASE/git/demo.git""#) + "\n")
      for name in ["fork", "copy"] {
        try await git("clone", "-q", test.url(name), name)
        #expect(try await git.refs(in: name, "refs/heads") == git.refs(in: "work", "refs/heads"))
        expect(try await call(test, "DELETE", "/repos/\(name)"), 202, "{\"id\":\"ID\"}\n")
      }
      expect(
        try await call(test, "POST", "/repos/other/import", #"{"url":"ftp://localhost/x"}"#), 400,
        problem(
          400, "Bad Request", 10100, "INVALID_INPUT", "Must be an HTTPS URL", pointer: #","pointer":"/url""#))
    }
  }
}
