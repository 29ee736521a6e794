import ArtifactsEmulator
import GatewayTestSupport
import Testing

/// What the client `exgit` does with an account, as bytes on the wire of the embedded service.
@Suite(.enabled(if: Git.isThere), .timeLimit(.minutes(5))) struct ServiceLifecycleTests {
  private static let repos = "/namespaces/default/repos"
  private static let tokens = "/namespaces/default/tokens"

  private func success(_ result: String, info: String? = nil) -> String {
    let end = info.map { ",\"result_info\":{\($0)}" } ?? ""
    return "{\"result\":\(result),\"success\":true,\"errors\":[],\"messages\":[]\(end)}"
  }

  private func failure(_ code: Int, _ message: String, pointer: String? = nil) -> String {
    let page = "https://developers.cloudflare.com/artifacts/api/errors#\(code)"
    let source = pointer.map { ",\"source\":{\"pointer\":\"\($0)\"}" } ?? ""
    return "{\"result\":null,\"success\":false,\"errors\":[{\"code\":\(code),\"message\":\"\(message)\","
      + "\"documentation_url\":\"\(page)\"\(source)}],\"messages\":[]}"
  }

  private func created(_ name: String, objects: String = "") -> String {
    success(
      "{\"id\":\"ID\",\"name\":\"\(name)\",\"description\":null,\"default_branch\":\"main\","
        + "\"remote\":\"BASE/git/default/\(name).git\",\"token\":\"TOKEN\"\(objects)}")
  }

  private func repo(_ name: String, source: String = "null", status: String = "") -> String {
    "{\"id\":\"ID\",\"name\":\"\(name)\",\"description\":null,\"default_branch\":\"main\",\"created_at\":\"TIME\","
      + "\"updated_at\":\"TIME\",\"last_push_at\":null,\"source\":\(source),\"read_only\":false,"
      + "\"remote\":\"BASE/git/default/\(name).git\"\(status)}"
  }

  private func listed(_ name: String) -> String { repo(name, status: ",\"status\":\"ready\"") }

  private func token(_ scope: String, _ state: String) -> String {
    "{\"id\":\"ID\",\"scope\":\"\(scope)\",\"state\":\"\(state)\",\"created_at\":\"TIME\",\"expires_at\":\"TIME\"}"
  }

  private func expect(
    _ answer: HTTPAnswer, _ status: Int, _ masked: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(answer.status == status, sourceLocation: sourceLocation)
    #expect(answer.masked == masked, sourceLocation: sourceLocation)
    #expect(answer.field("content-type") == "application/json", sourceLocation: sourceLocation)
  }

  @Test func `a repo is created, read, refused twice and deleted twice`() async throws {
    try await EmulatorGateway.with { test in
      let body = #"{"name":"starter-repo","default_branch":"main"}"#
      expect(try await test.askService("POST", Self.repos, body), 201, created("starter-repo"))
      expect(
        try await test.askService("POST", Self.repos, body), 409, failure(10201, "repo already exists: starter-repo"))
      expect(
        try await test.askService("POST", Self.repos, #"{"default_branch":"main"}"#), 400,
        failure(10101, "Invalid repo name: must match /^[a-zA-Z0-9][a-zA-Z0-9._-]*$/", pointer: "/name"))
      let path = "\(Self.repos)/starter-repo"
      let found = try await test.askService("GET", path)
      expect(found, 200, success(repo("starter-repo")))
      let missing = failure(10200, "Repository not found")
      expect(try await test.askService("GET", "\(Self.repos)/none"), 404, missing)
      expect(try await test.askService("DELETE", "\(Self.repos)/none"), 404, missing)
      for _ in 0..<2 {
        let deleted = try await test.askService("DELETE", path)
        expect(deleted, 202, success(#"{"id":"ID"}"#))
        #expect(try deleted.string("id") == found.string("id"))
      }
      expect(try await test.askService("GET", path), 404, missing)
      #expect(try await test.askService("POST", Self.repos, body).status == 201)
    }
  }

  @Test func `tokens are minted, listed by state and page, and revoked twice`() async throws {
    try await EmulatorGateway.with { test in
      #expect(try await test.askService("POST", Self.repos, #"{"name":"starter-repo"}"#).status == 201)
      let minted = success(#"{"id":"ID","plaintext":"TOKEN","scope":"write","expires_at":"TIME"}"#)
      let body = #"{"repo":"starter-repo","scope":"write","ttl":86400}"#
      expect(try await test.askService("POST", Self.tokens, body), 201, minted)
      let reading = try await test.askService("POST", Self.tokens, #"{"repo":"starter-repo","scope":"read"}"#)
      expect(reading, 201, minted.replacing("\"write\"", with: "\"read\""))
      let range = "ttl must be between 60 and 31536000 seconds"
      for ttl in [99_999_999, 59] {
        expect(
          try await test.askService("POST", Self.tokens, #"{"repo":"starter-repo","ttl":\#(ttl)}"#), 400,
          failure(10103, range, pointer: "/ttl"))
      }
      expect(
        try await test.askService("POST", Self.tokens, #"{"repo":"none"}"#), 404, failure(10200, "Repository not found")
      )
      let id = try reading.string("id")
      for _ in 0..<2 {
        let revoked = try await test.askService("DELETE", "\(Self.tokens)/\(id)")
        expect(revoked, 200, success(#"{"id":"ID"}"#))
        #expect(try revoked.string("id") == id)
      }
      expect(
        try await test.askService("DELETE", "\(Self.tokens)/0123456789abcdef"), 404, failure(10200, "Token not found"))
      // The first one came with the repo.
      let (write, read) = (token("write", "active"), token("read", "revoked"))
      for (query, items, info) in [
        ("", "\(write),\(write)", #""page":1,"per_page":30,"total_pages":1,"count":2,"total_count":2"#),
        (
          "?state=all", "\(write),\(write),\(read)",
          #""page":1,"per_page":30,"total_pages":1,"count":3,"total_count":3"#
        ),
        ("?state=revoked", read, #""page":1,"per_page":30,"total_pages":1,"count":1,"total_count":1"#),
        ("?state=expired", "", #""page":1,"per_page":30,"total_pages":0,"count":0,"total_count":0"#),
        ("?state=all&per_page=2&page=2", read, #""page":2,"per_page":2,"total_pages":2,"count":1,"total_count":3"#),
        ("?per_page=1", write, #""page":1,"per_page":1,"total_pages":2,"count":1,"total_count":2"#),
      ] {
        expect(
          try await test.askService("GET", "\(Self.repos)/starter-repo/tokens\(query)"), 200,
          success("[\(items)]", info: info))
      }
      expect(
        try await test.askService("GET", "\(Self.repos)/starter-repo/tokens?per_page=101"), 400,
        failure(10100, "Too big: expected number to be <=100", pointer: "/per_page"))
    }
  }

  @Test func `a list is walked by cursor to its end`() async throws {
    try await EmulatorGateway.with { test in
      let numbered = #""page":1,"per_page":50,"total_pages":0,"count":0,"total_count":0"#
      expect(try await test.askService("GET", Self.repos), 200, success("[]", info: numbered))
      for name in ["a", "b", "c", "d", "e"] {
        #expect(try await test.askService("POST", Self.repos, #"{"name":"\#(name)"}"#).status == 201)
      }
      let middle = #""cursor":"CURSOR","per_page":2,"count":2"#
      let path = "\(Self.repos)?limit=2&sort=name&direction=asc"
      let first = try await test.askService("GET", path)
      expect(first, 200, success("[\(listed("a")),\(listed("b"))]", info: middle))
      let second = try await test.askService("GET", "\(path)&cursor=\(first.string("cursor"))")
      expect(second, 200, success("[\(listed("c")),\(listed("d"))]", info: middle))
      let last = try await test.askService("GET", "\(path)&cursor=\(second.string("cursor"))")
      let end = #""page":1,"per_page":2,"total_pages":3,"count":1,"total_count":5"#
      expect(last, 200, success("[\(listed("e"))]", info: end))
      let whole = #""page":1,"per_page":50,"total_pages":1,"count":1,"total_count":1"#
      expect(try await test.askService("GET", "\(Self.repos)?search=c"), 200, success("[\(listed("c"))]", info: whole))
      expect(
        try await test.askService("GET", "\(Self.repos)?limit=500"), 400,
        failure(10100, "Too big: expected number to be <=200", pointer: "/limit"))
    }
  }

  @Test func `what is pushed is fetched, forked and imported`() async throws {
    try await EmulatorGateway.with(imports: ImportRule(allowsLoopbackHTTP: true)) { test in
      let repo = try await test.askService("POST", Self.repos, #"{"name":"starter-repo"}"#)
      let git = test.git
      try await git.workTree("work")
      func authorised(_ answer: HTTPAnswer) throws -> [String] {
        ["-c", "http.extraHeader=Authorization: Bearer \(try answer.string("token"))"]
      }
      let remote = try repo.string("remote")
      try await git(authorised(repo) + ["-C", "work", "push", "-q", remote, "main", "main:refs/notes/x"])
      try await git(authorised(repo) + ["clone", "-q", remote, "clone"])
      try await git.commit("second\n", to: "second", in: "work")
      try await git(authorised(repo) + ["-C", "work", "push", "-q", remote, "main"])
      try await git(authorised(repo) + ["-C", "clone", "fetch", "-q"])
      let forked = try await test.askService(
        "POST", "\(Self.repos)/starter-repo/fork", #"{"name":"fork","default_branch_only":true}"#)
      expect(forked, 201, created("fork", objects: #","objects":6"#))
      // The flag has no effect.
      let heads = try await git(authorised(forked) + ["ls-remote", forked.string("remote")])
      #expect(heads.contains("refs/notes/x"))
      let copied = try await test.askService("GET", "\(Self.repos)/fork")
      expect(copied, 200, success(self.repo("fork", source: "\"artifacts:default/starter-repo\"")))
      // The gateway serves the repo without a token, as a public host would.
      let imported = try await test.askService(
        "POST", "\(Self.repos)/copy/import", #"{"url":"\#(test.url("starter-repo"))"}"#)
      expect(imported, 201, created("copy"))
      let read = try await test.askService("GET", "\(Self.repos)/copy")
      expect(read, 200, success(self.repo("copy", source: "\"git:BASE/git/starter-repo.git\"")))
      try await git(authorised(imported) + ["clone", "-q", imported.string("remote"), "imported"])
      #expect(try await git.refs(in: "imported", "refs/heads") == git.refs(in: "work", "refs/heads"))
      expect(
        try await test.askService("POST", "\(Self.repos)/other/import", #"{"url":"http://example.com/x.git"}"#), 400,
        failure(10100, "Must be an HTTPS URL", pointer: "/url"))
    }
  }
}
