import Gateway
import GatewayTestSupport
import GitProtocol
import HTTPCore
import Testing

@Suite struct RouterTests {
  private func route(_ method: HTTPCore.Method, _ target: String) -> Route {
    let head = RequestHead(method, target)
    return Router(defaultNamespace: "default").route(method, head.path, query: head.query)
  }

  @Test(arguments: [
    ("/git/demo", "default", "demo"), ("/git/demo.git", "default", "demo"), ("/git/demo/", "default", "demo"),
    ("/git/demo.git/", "default", "demo"), ("/git/team/demo", "team", "demo"), ("/git/team/demo.git", "team", "demo"),
    ("/git/team/demo.git/", "team", "demo"), ("/git/a.b-c_d", "default", "a.b-c_d"), ("/git/0", "default", "0"),
    ("/git/demo.git.git", "default", "demo.git"), ("/git/info", "default", "info"),
    ("/git/objects", "default", "objects"),
  ])
  func `every spelling of a repo is one route`(path: String, namespace: String, name: String) {
    for service in [Service.uploadPack, .receivePack] {
      for (method, target, operation) in [
        (.get, "\(path)/info/refs?service=\(service.wireName)", .advertisement),
        (.post, "\(path)/\(service.wireName)", .service),
      ] as [(HTTPCore.Method, String, GitRoute.Operation)] {
        guard case .git(let route) = route(method, target) else {
          Issue.record("\(target) is no git route")
          continue
        }
        #expect(route.repo == RepoKey(namespace: namespace, name: name))
        #expect(route.service == service)
        #expect(route.operation == operation)
      }
    }
  }

  @Test(arguments: [
    (HTTPCore.Method.get, "/git/.demo/info/refs?service=git-upload-pack", 400),
    (.get, "/git/-demo/info/refs?service=git-upload-pack", 400),
    (.get, "/git/../info/refs?service=git-upload-pack", 400),
    (.get, "/git/a/../info/refs?service=git-upload-pack", 400), (.get, "/git/./info/refs?service=git-upload-pack", 400),
    (.get, "/git/de%6do/info/refs?service=git-upload-pack", 400),
    (.get, "/git/a%2fb/info/refs?service=git-upload-pack", 400),
    (.get, "/git/%2e%2e/info/refs?service=git-upload-pack", 400),
    (.get, "/git//info/refs?service=git-upload-pack", 400),
    (.get, "/git//demo/info/refs?service=git-upload-pack", 400),
    (.get, "/git/a//b/info/refs?service=git-upload-pack", 404),
    (.get, "/git/a/b/c/info/refs?service=git-upload-pack", 404),
    (.get, "/git/demo//info/refs?service=git-upload-pack", 200),
    (.get, "/git/.git/info/refs?service=git-upload-pack", 400),
    (.get, "/git/d\\e/info/refs?service=git-upload-pack", 400),
    (.get, "/git/demo~1/info/refs?service=git-upload-pack", 400),
    (.get, "/git/demo/info/refs", 403), (.get, "/git/demo/info/refs?", 403), (.get, "/git/demo/HEAD", 403),
    (.get, "/git/demo/objects/info/packs", 403), (.get, "/git/demo/objects/00/11", 403),
    (.get, "/git/demo/info/refs?service=git-upload-archive", 403), (.get, "/git/demo/info/refs?service=", 403),
    (.get, "/git/demo/info/refs?service=GIT-UPLOAD-PACK", 403),
    (.get, "/git/demo/git-upload-pack", 405), (.put, "/git/demo/git-receive-pack", 405),
    (.post, "/git/demo/info/refs?service=git-upload-pack", 405),
    (.head, "/git/demo/info/refs?service=git-upload-pack", 405),
    (.post, "/git/demo/git-upload-archive", 404), (.get, "/git/demo", 404), (.get, "/git/", 404),
    (.get, "/git", 404), (.get, "/elsewhere", 404), (.post, "/livez", 405), (.get, "/gitdemo/info/refs", 404),
  ])
  func `what is no route is refused with its status`(method: HTTPCore.Method, target: String, status: Int) {
    switch route(method, target) {
    case .refused(let got, let allow, let text):
      #expect(got == status, "\(target): \(text)")
      #expect((allow != nil) == (status == 405))
    default: #expect(status == 200, "\(target)")
    }
  }

  @Test func `a name that is too long is refused`() {
    let name = String(repeating: "a", count: 129)
    guard case .refused(400, _, _) = route(.get, "/git/\(name)/info/refs?service=git-upload-pack") else {
      Issue.record("taken")
      return
    }
  }

  @Test(
    .timeLimit(.minutes(5)),
    arguments: [
      ("GET", "/git/demo/info/refs", 403, "smart HTTP only"), ("GET", "/git/demo/HEAD", 403, "smart HTTP only"),
      ("GET", "/git/..%2f/info/refs?service=git-upload-pack", 400, "encoded slash"),
      ("GET", "/git/-/info/refs?service=git-upload-pack", 400, "names of repos"),
      ("DELETE", "/git/demo/git-upload-pack", 405, "only POST"), ("GET", "/git/demo", 404, "git clone"),
      ("TRACE", "/git/demo/git-upload-pack", 405, "only POST"), ("BREW", "/git/demo/info/refs", 501, ""),
    ])
  func `a refusal is plain text and asks nobody`(method: String, target: String, status: Int, says: String) async throws
  {
    let api = ScriptedAPI()
    try await TestGateway.with(api: api) { test in
      let answer = try await test.ask(HTTPRequest(method, target, [("User-Agent", GitOperation.git)]))
      #expect(answer.status == status)
      #expect(answer.text.contains(says))
      #expect(answer.field("content-type")?.hasPrefix("text/plain") == true)
      #expect((answer.field("allow") != nil) == (status == 405))
      if status != 501 { #expect(answer.field("x-artifacts-gateway-error") != nil) }
      #expect(api.mints.isEmpty && api.lookUpCount == 0)
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: GitOperation.allCases)
  func `a page of another site cannot use git routes`(operation: GitOperation) async throws {
    let api = ScriptedAPI()
    try await TestGateway.with(api: api) { test in
      for field in [
        ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site"), ("Origin", "https://evil.example"),
      ] {
        let answer = try await test.ask(operation.request(userAgent: "Mozilla/5.0").with(field.0, field.1))
        expectError(answer, 403, "forbidden", to: operation, userAgent: "Mozilla/5.0")
      }
      #expect(api.mints.isEmpty)
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: GitOperation.allCases)
  func `a read-only gateway refuses pushes and nothing else`(operation: GitOperation) async throws {
    try await TestGateway.with(configure: { $0.isReadOnly = true }) { test in
      let answer = try await test.ask(operation)
      switch operation {
      case .fetch, .fetchRefs: #expect(answer.status == 200)
      case .push, .pushRefs, .probe:
        expectError(answer, 403, "read_only", to: operation, userAgent: GitOperation.git)
      }
    }
  }
}
