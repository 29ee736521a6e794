import Gateway
import GatewayTestSupport
import HTTPCore
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5))) struct AdminCreateOnPushTests {
  /// A service that has no repo until one is created.
  private final class EmptyShelf: Sendable {
    let api = ScriptedAPI()
    private let isThere = Atomic(false)
    private let count = Atomic(0)

    var createCount: Int { count.load(ordering: .relaxed) }

    /// - Parameter refusal: what a create is answered with; the repo is there afterwards all the same.
    init(refusal: ScriptedAnswer? = nil) {
      api.onOther { [unowned self] request in
        if request.isPost {
          count.add(1, ordering: .relaxed)
          isThere.store(true, ordering: .relaxed)
          return refusal ?? ScriptedAPI.success(#"{"id":"i","name":"new"}"#, status: 201)
        }
        return isThere.load(ordering: .relaxed)
          ? ScriptedAPI.success(#"{"id":"i","name":"new","remote":"\#(api.remote(of: "new"))"}"#)
          : ScriptedAPI.failure(404, 10200, "Repository not found")
      }
    }
  }

  @Test func `the first push creates the repo and goes through`() async throws {
    let shelf = EmptyShelf()
    try await TestGateway.with(api: shelf.api, configure: { $0.createsOnPush = true }) { test async throws in
      #expect(try await test.ask(.fetchRefs, "new").status == 404)
      #expect(shelf.createCount == 0)
      for operation in [GitOperation.pushRefs, .push] {
        let answer = try await test.ask(operation, "new")
        #expect(answer.status == 200 && answer.field("x-artifacts-gateway-error") == nil)
      }
      #expect(shelf.createCount == 1)
      let body = String(
        decoding: await test.apiServer.requests.first { $0.target.hasSuffix("/repos") }?.body ?? [], as: UTF8.self)
      #expect(body == #"{"name":"new"}"#)
    }
  }

  @Test func `many first pushes create it once`() async throws {
    let shelf = EmptyShelf()
    try await TestGateway.with(api: shelf.api, configure: { $0.createsOnPush = true }) { test async throws in
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<50 { group.addTask { try await test.ask(.pushRefs, "new").status } }
        for try await status in group { #expect(status == 200) }
      }
      #expect(shelf.createCount == 1)
    }
  }

  @Test func `a repo that somebody else has just made will do`() async throws {
    let shelf = EmptyShelf(refusal: ScriptedAPI.failure(409, 10201, "repo already exists: new"))
    try await TestGateway.with(api: shelf.api, configure: { $0.createsOnPush = true }) { test async throws in
      #expect(try await test.ask(.pushRefs, "new").status == 200)
      #expect(shelf.createCount == 1)
    }
  }

  @Test func `a refusal to create is told, and not remembered`() async throws {
    let shelf = EmptyShelf(refusal: ScriptedAPI.failure(403, 10000, "no"))
    try await TestGateway.with(api: shelf.api, configure: { $0.createsOnPush = true }) { test async throws in
      let answer = try await test.ask(.pushRefs, "new")
      expectError(answer, 502, "credentials", to: .pushRefs, userAgent: GitOperation.git)
      #expect(try await test.ask(.pushRefs, "new").status == 200)
    }
  }

  @Test func `off, the push is told how to create it`() async throws {
    let shelf = EmptyShelf()
    try await TestGateway.with(api: shelf.api) { test async throws in
      let answer = try await test.ask(.pushRefs, "new")
      expectError(answer, 404, "no_such_repo", to: .pushRefs, userAgent: GitOperation.git)
      #expect(answer.text.contains("create it: curl -X PUT http://localhost/api/v1/repos/new"))
      #expect(shelf.createCount == 0)
    }
  }

  @Test(arguments: [nil, 403] as [Int?])
  func `of many first pushes one is told as that which has the repo made, or tries to`(refusal: Int?) async throws {
    let shelf = EmptyShelf(refusal: refusal.map { ScriptedAPI.failure($0, 10_000, "no") })
    try await withTemporaryFolder { folder in
      let audit = try AuditLog(folder + "/audit", limit: 0) { Issue.record("\($0)") }
      try await TestGateway.with(
        api: shelf.api,
        configure: {
          $0.createsOnPush = true
          $0.audit = audit
        }
      ) { test in try await concurrently(0..<8) { _ in _ = try await test.ask(.pushRefs, "new") } }
      let lines = try contents(of: folder + "/audit").split(separator: "\n").map {
        try JSONTree(parsing: Array($0.utf8))
      }
      let made = lines.filter { $0["event"].text == "create" }
      #expect(made.count == shelf.createCount && (made.count == 1 || refusal != nil))
      #expect(made.first?["outcome"].text == (refusal == nil ? "done" : "failed"))
      #expect((made.first?["reason"].text == nil) == (refusal == nil))
    }
  }
}
