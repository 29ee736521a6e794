import ArtifactsAPI
import EventLoop
import Gateway
import GatewayTestSupport
import HTTPTransport
import Testing

/// What rules allow is served, and all else is refused before anybody is asked.
@Suite(.timeLimit(.minutes(5))) struct EnforcementTests {
  private static func access(
    _ repos: [String], _ rights: Set<Right>, mode: AccessConfiguration.Mode = .enforce
  ) -> AccessConfiguration {
    var access = AccessConfiguration()
    access.mode = mode
    access.rules = [AccessRule(name: "only", who: ["anonymous"], repos: repos, allow: rights)]
    return access
  }

  private static func settings(_ access: AccessConfiguration) -> RuntimeSettings {
    var configuration = GatewayConfiguration(
      endpoint: APIEndpoint(base: .loopback(port: 1), accountID: "", token: { nil }))
    configuration.access = access
    return RuntimeSettings(configuration)
  }

  private static let open = access(["default/open"], [.read])

  // MARK: Git

  @Test(
    arguments: [
      (GitOperation.fetchRefs, GitOperation.git, 403, "anonymous may not read default/demo; no rule allows it"),
      (.pushRefs, GitOperation.git, 403, "anonymous may not push to default/demo; no rule allows it"),
      (.fetch, GitOperation.git, 200, "ERR artifacts-gateway: anonymous may not read default/demo"),
      (.push, GitOperation.git, 200, "\u{3}artifacts-gateway: anonymous may not push to default/demo"),
      (.probe, GitOperation.git, 200, ""),
      (.fetch, GitOperation.curl, 403, "anonymous may not read"), (.push, GitOperation.curl, 403, "anonymous may not push"),
    ])
  func `each operation is refused in its form, and nobody is asked`(
    operation: GitOperation, agent: String, status: Int, text: String
  ) async throws {
    try await TestGateway.with(configure: { $0.access = Self.open }) { test in
      // A repo that is not there is answered the same.
      for repo in ["demo", "Demo", "demo.git", "default/demo", "default/demo.git/"] {
        let answer = try await test.ask(operation, repo, userAgent: agent)
        #expect(answer.status == status)
        #expect(answer.text.lowercased().contains(text.lowercased()), "\(answer)")
      }
      #expect(await test.upstream.requests.isEmpty)
      #expect(await test.apiServer.requests.isEmpty)
      let allowed = try await test.ask(.fetchRefs, "open")
      #expect(allowed.status == 200)
    }
  }

  @Test func `what leads past rules elsewhere does not here`() async throws {
    let refs = "/info/refs?service=git-upload-pack"
    let agent = ("User-Agent", GitOperation.git)
    var requests: [HTTPRequest] = []
    for path in [
      "/git/secret", "/git/Secret", "/git/secret.git", "/git/secret.GIT", "/git/default/secret", "/git/DEFAULT/secret",
      "/git/%73ecret", "/git/open/../secret", "/git/open/%2e%2e/secret", "/git/open%2f..%2fsecret", "//git/secret",
      "/git//secret", "/git/secret/", "/git/secret//", "/git/./secret", "/git/open%00/secret", "/git/open/secret",
      "/git/open;/secret", "/git/default%2fsecret", "/git/secret%20",
    ] {
      requests.append(HTTPRequest("GET", path + refs, [agent]))
      requests.append(GitOperation.fetch.request(String(path.dropFirst(5))))
    }
    for query in [
      "?service=git-upload-pack&service=git-receive-pack", "?service=git-receive-pack&service=git-upload-pack",
      "?service=git-upload-pack%00", "?x=1&service=git-upload-pack", "?service=", "",
    ] { requests.append(HTTPRequest("GET", "/git/secret/info/refs" + query, [agent])) }
    for (name, value) in [
      ("User-Agent", "kube-probe/1.30"), ("User-Agent", "ELB-HealthChecker/2.0"), ("X-Forwarded-For", "127.0.0.1"),
      ("X-Forwarded-User", "root"), ("X-Original-URL", "/git/open/info/refs"), ("X-Rewrite-URL", "/livez"),
      ("X-Forwarded-Prefix", "/git/open"), ("X_Forwarded_User", "root"), ("X.Forwarded.User", "root"),
      ("X-HTTP-Method-Override", "GET"), ("Remote-User", "root"), ("X-Remote-User", "root"), ("X-Auth-User", "root"),
      ("Authorization", "Bearer x"), ("Host", "localhost:1"), ("X-Forwarded-Host", "open"),
    ] {
      requests.append(HTTPRequest("GET", "/git/secret" + refs, name == "User-Agent" ? [(name, value)] : [agent, (name, value)]))
    }
    requests.append(HTTPRequest("HEAD", "/git/secret" + refs, [agent]))
    requests.append(HTTPRequest("GET", "http://localhost/git/secret" + refs, [agent]))
    requests.append(HTTPRequest("GET", "http://open/git/secret" + refs, [agent]))
    try await TestGateway.with(configure: { $0.access = Self.open }) { [requests] test in
      for request in requests {
        let answer = try await test.ask(request)
        #expect([400, 403, 404, 405, 415].contains(answer.status) || answer.text.contains("ERR artifacts-gateway:"),
          "\(request.method) \(request.target) \(request.fields): \(answer)")
      }
      #expect(await test.upstream.requests.isEmpty)
      #expect(await test.apiServer.requests.isEmpty)
    }
  }

  @Test func `what was cached while it was allowed is not served when it is no more`() async throws {
    let service = PackUpstream()
    service.set(refs: [GitOperation.id])
    service.set(answer: HandmadePack(10_000).answer)
    let fetch = GitOperation.fetch([GitOperation.id], ["no-progress", "done"])
    try await SharingGateway.with(service, configure: { $0.advertisementLife = .seconds(600) }) { test in
      let refs = GitOperation.lsRefs(["ref-prefix refs/heads/"], of: "demo")
      let capabilities = GitOperation.fetchRefs.request().with("Git-Protocol", "version=2")
      _ = try await test.ask(capabilities)
      _ = try await test.ask(refs)
      try await test.store(fetch)
      let hit = try await test.ask(fetch)
      #expect(hit.field("x-artifacts-gateway-cache")?.hasPrefix("hit") == true, "\(hit)")
      let before = await test.test.upstream.requests.count
      try test.test.gateway.apply(Self.settings(Self.open))
      for request in [capabilities, refs, fetch] {
        let answer = try await test.ask(request)
        #expect(answer.text.contains("anonymous may not read default/demo"), "\(answer)")
        #expect(answer.body.count < 300)
      }
      #expect(await test.test.upstream.requests.count == before)
      try test.test.gateway.apply(Self.settings(Self.access(["default/demo"], [.read])))
      let again = try await test.ask(fetch)
      #expect(again.status == 200 && again.body.count > 10_000)
    }
  }

  @Test func `nobody joins what he may not read`() async throws {
    let answer = HandmadePack(900_000).answer
    let gate = Gate()
    let service = PackUpstream()
    service.set(refs: [GitOperation.id])
    service.onFetch { _, _ in PackUpstream.result(answer, stoppingAfter: 400_000, gate) }
    let fetch = GitOperation.fetch([GitOperation.id], ["no-progress", "done"])
    try await SharingGateway.with(service) { test in
      let leader = try await test.begin(fetch)
      #expect(try await leader.begin() == 200)
      let beginning = try await leader.body(atLeast: 300_000)
      try test.test.gateway.apply(Self.settings(Self.open))
      // The flight is under way, and the answer comes without it.
      let refused = try await test.ask(fetch)
      #expect(refused.text.contains("anonymous may not read default/demo"), "\(refused)")
      gate.open()
      let rest = try await leader.body(atLeast: .max)
      #expect(same(beginning + rest, answer))
      await leader.close()
      #expect(service.fetchCount == 1)
    }
  }

  // MARK: The admin API

  private static let calls: [(HTTPRequest, Right)] = {
    func json(_ method: String, _ path: String, _ body: String) -> HTTPRequest {
      HTTPRequest(method, "/api/v1" + path, [("Content-Type", "application/json")], body: Array(body.utf8))
    }
    func plain(_ method: String, _ path: String) -> HTTPRequest { HTTPRequest(method, "/api/v1" + path) }
    let hash = GitOperation.id
    return [
      (plain("GET", "/repos/demo"), .read), (plain("GET", "/repos/demo/log"), .read),
      (plain("GET", "/repos/demo/commits/\(hash)"), .read), (plain("GET", "/repos/demo/trees/\(hash)"), .read),
      (plain("GET", "/repos/demo/blobs/\(hash)"), .read), (plain("GET", "/repos/demo/file?ref=main&path=a"), .read),
      (plain("GET", "/repos/demo/raw/main/a"), .read), (plain("HEAD", "/repos/demo/raw/main/a"), .read),
      (plain("GET", "/repos"), .read), (plain("GET", "/namespaces/default/repos/demo"), .read),
      (plain("GET", "/repos/Demo.git"), .read),
      (json("POST", "/repos", "{\"name\":\"demo\"}"), .create), (json("PUT", "/repos/demo", "{}"), .create),
      (json("POST", "/repos/open/fork", "{\"name\":\"demo\"}"), .create),
      (json("POST", "/repos/demo/fork", "{\"name\":\"open\"}"), .read),
      (json("POST", "/repos/demo/import", "{\"url\":\"https://example.com/a.git\"}"), .create),
      (json("PUT", "/repos/open?include_token=true", "{}"), .admin),
      (plain("DELETE", "/repos/demo"), .admin), (plain("GET", "/repos/demo/tokens"), .admin),
      (json("POST", "/repos/demo/tokens", "{}"), .admin), (plain("DELETE", "/tokens/x"), .admin),
      (plain("GET", "/namespaces"), .admin), (json("POST", "/namespaces", "{\"namespace\":\"new\"}"), .admin),
      (plain("GET", "/namespaces/default"), .read), (plain("DELETE", "/namespaces/default"), .admin),
      (plain("GET", "/status"), .admin), (plain("GET", "/cache"), .admin), (plain("DELETE", "/cache"), .admin),
      (plain("DELETE", "/cache?repo=demo"), .admin), (HTTPRequest("POST", "/-/reload"), .admin),
      (HTTPRequest("POST", "/-/quit"), .admin),
    ]
  }()

  @Test func `no call of the admin API is served without its right`() async throws {
    let controls = ControlActions(quit: {}, reload: { .reloaded(changed: [], needingRestart: []) })
    for (request, right) in Self.calls {
      // All other rights to all repos, and all rights to another one.
      var access = Self.access(["**"], Set(Right.allCases).subtracting([right]))
      if right == .read, request.target == "/api/v1/repos" { access.rules = [] }
      var other = AccessRule(name: "other", who: ["*"], repos: ["default/open"], allow: Set(Right.allCases))
      if request.target.hasPrefix("/api/v1/repos/open") || request.target == "/api/v1/repos" {
        other.repos = ["default/unused"]
        other.allow = request.target == "/api/v1/repos" ? [.admin] : Set(Right.allCases)
      }
      access.rules.append(other)
      try await TestGateway.with(configure: {
        $0.access = access
        $0.controls = controls
      }) { test in
        let answer = try await test.ask(request)
        #expect(answer.status == 403, "\(request.method) \(request.target): \(answer)")
        #expect(answer.text.contains("anonymous may not"), "\(answer)")
        if request.method != "HEAD", request.target.hasPrefix("/api") {
          #expect(answer.field("content-type") == "application/problem+json")
          #expect(answer.text.contains("\"name\":\"FORBIDDEN\""))
        }
        #expect(await test.apiServer.requests.isEmpty)
      }
    }
  }

  @Test func `the document is for everybody, and so are probes`() async throws {
    try await TestGateway.with(configure: { $0.access = Self.open }) { test async throws in
      for path in ["/api/v1/openapi.json", "/livez", "/readyz", "/metrics"] {
        #expect(try await test.ask(HTTPRequest("GET", path)).status == 200)
      }
    }
  }

  @Test func `a list holds what may be read, on pages and in lines`() async throws {
    try await EmulatorGateway.with { test in
      for name in ["a-open", "b-secret", "c-secret", "d-open", "e-secret"] { try await test.createRepo(name) }
      try test.set(Self.access(["default/*-open"], [.read]))
      func names(_ text: String) -> [String] {
        text.matches(of: /"name":"([a-e]-[a-z]+)"/).map { String($0.1) }.sorted()
      }
      let list = try await test.ask(HTTPRequest("GET", "/api/v1/repos"))
      #expect(list.status == 200 && names(list.text) == ["a-open", "d-open"], "\(list)")
      #expect(!list.text.contains("secret"))
      let lines = try await test.ask(HTTPRequest("GET", "/api/v1/repos", [("Accept", "application/x-ndjson")]))
      #expect(names(lines.text) == ["a-open", "d-open"] && !lines.text.contains("secret"), "\(lines)")
      // Page by page there is none without something in it but the last.
      let first = try await test.ask(HTTPRequest("GET", "/api/v1/repos?limit=1&sort=name&direction=asc"))
      #expect(names(first.text) == ["a-open"])
      let cursor = try #require(first.text.firstMatch(of: /"next_cursor":"([^"]+)"/)?.1)
      let second = try await test.ask(
        HTTPRequest("GET", "/api/v1/repos?limit=1&sort=name&direction=asc&cursor=\(cursor)"))
      #expect(names(second.text) == ["d-open"], "\(second)")
    }
  }

  // MARK: Modes

  @Test func `in report mode all is served, told and counted`() async throws {
    let pipe = try LogPipe()
    try await TestGateway.with(
      log: pipe.sink, configure: { $0.access = Self.access(["default/open"], [.read], mode: .report) }
    ) { test in
      #expect(try await test.ask(.fetchRefs).status == 200)
      #expect(try await test.ask(.push).status == 200)
      let metrics = try await test.ask(HTTPRequest("GET", "/metrics")).text
      #expect(metrics.contains("artifacts_gateway_policy_refusals_total{mode=\"report\"} 2"), "\(metrics)")
      #expect(metrics.contains("artifacts_gateway_policy_refusals_total{mode=\"enforce\"} 0"))
    }
    let text = await pipe.finish()
    #expect(text.contains("would refuse") && text.contains("anonymous may not push to default/demo"), "\(text)")
  }

  @Test(.enabled(if: Git.isThere)) func `a first push makes a repo for those who may create one`() async throws {
    try await EmulatorGateway.with(configure: { $0.createsOnPush = true }) { test in
      try await test.git.workTree("work")
      try test.set(Self.access(["default/*"], [.read, .push]))
      let refused = try await test.git.attempt(["-C", "work", "push", test.url("demo"), "main"])
      #expect(!refused.isSuccess && refused.text.contains("anonymous may not create default/demo"), "\(refused.text)")
      try test.set(Self.access(["default/*"], [.push, .create]))
      let allowed = try await test.git.attempt(["-C", "work", "push", test.url("demo"), "main"])
      #expect(allowed.isSuccess, "\(allowed.text)")
    }
  }
}
