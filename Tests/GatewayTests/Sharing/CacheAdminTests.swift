import GatewayTestSupport
import HTTPCore
import Testing

@Suite(.timeLimit(.minutes(2))) struct CacheAdminTests {
  private static func request(_ repo: String, _ depth: Int = 1) -> HTTPRequest {
    GitOperation.fetch([GitOperation.id], ["deepen \(depth)", "no-progress", "done"], of: repo)
  }

  private func with(_ body: (SharingGateway, [UInt8]) async throws -> Void) async throws {
    let answer = HandmadePack(100_000).answer
    let service = PackUpstream()
    for repo in ["demo", "other", "team"] {
      service.set(refs: [GitOperation.id], of: repo)
      service.set(answer: answer, of: repo)
    }
    try await SharingGateway.with(service) { try await body($0, answer) }
  }

  private func purge(_ test: SharingGateway, _ query: String = "") async throws -> (entries: Int?, bytes: Int?) {
    let answer = try await test.ask(HTTPRequest("DELETE", "/api/v1/cache\(query)"))
    #expect(answer.status == 200)
    let tree = try JSONTree(parsing: answer.body)
    return (tree["entries"].number, tree["bytes"].number)
  }

  @Test func `the figures tell what is kept and what was saved`() async throws {
    try await with { test, _ in
      let none = try await test.figures()
      #expect(none.isEnabled)
      for name in ["entries", "bytes", "flights", "hits", "joined", "misses", "bypassed", "saved_bytes", "damaged"] {
        #expect(none[name] == 0, "\(name)")
      }
      #expect(none["limit_bytes"] == 2 << 30)
      try await test.store(Self.request("demo"))
      try await test.store(Self.request("other"))
      let two = try await test.figures()
      #expect(two.entries == 2)
      #expect(two["bytes"] > 200_000)
      #expect(two["misses"] == 2)
      #expect(two["hits"] == 2)
      #expect(two["saved_bytes"] > 200_000 && two["saved_bytes"] < 202_000)
      #expect(try await test.figures { $0.flights == 0 }.flights == 0)
    }
  }

  @Test func `all packs are forgotten, or those of one repo`() async throws {
    try await with { test, answer in
      try await test.store(Self.request("demo", 1))
      try await test.store(Self.request("demo", 2))
      try await test.store(Self.request("other"))
      let one = try await purge(test, "?repo=demo")
      #expect(one.entries == 2)
      #expect((one.bytes ?? 0) > 200_000)
      let left = try await test.figures()
      #expect(left.entries == 1)
      let before = test.service.fetchCount
      #expect(try await same(test.ask(Self.request("other")).body, answer))
      #expect(test.service.fetchCount == before)
      #expect(try await same(test.ask(Self.request("demo")).body, answer))
      #expect(test.service.fetchCount == before + 1)
      #expect(try await purge(test, "?repo=default/other").entries == 1)
      #expect(try await purge(test, "?repo=default/other").entries == 0)
      #expect(try await purge(test).bytes != nil)
      #expect(try await test.figures().entries == 0)
      #expect(try packFiles(in: test.folder + "/packs") == [])
      #expect(try await same(test.ask(Self.request("other")).body, answer))
      #expect(test.service.fetchCount == before + 2)
    }
  }

  @Test func `a repo of no possible name is refused, and one of another namespace left alone`() async throws {
    try await with { test, _ in
      try await test.store(Self.request("demo"))
      for query in ["?repo=", "?repo=../x", "?repo=a/b/c", "?repo=a%2F", "?rep=demo"] {
        #expect(try await test.ask(HTTPRequest("DELETE", "/api/v1/cache\(query)")).status == 400, "\(query)")
      }
      #expect(try await purge(test, "?repo=elsewhere/demo").entries == 0)
      #expect(try await purge(test, "?repo=nobody").entries == 0)
      #expect(try await test.figures().entries == 1)
    }
  }

  @Test func `who reads a flight when packs are forgotten reads on, and who comes later asks anew`() async throws {
    try await with { test, answer in
      let gate = Gate()
      test.service.onFetch { number, _ in
        number == 0 ? PackUpstream.result(answer, stoppingAfter: 40_000, gate) : nil
      }
      var clients: [HTTPConnection] = []
      for _ in 0..<3 {
        clients.append(try await test.begin(Self.request("demo")))
        #expect(try await clients.last?.begin() == 200)
      }
      _ = try await purge(test, "?repo=demo")
      #expect(try await same(test.ask(Self.request("demo")).body, answer))
      #expect(test.service.fetchCount == 2)
      gate.open()
      for client in clients {
        #expect(try await same(client.body(atLeast: .max), answer))
        await client.close()
      }
      // What the flight brought is not kept: it was asked before.
      #expect(try packFiles(in: test.folder + "/packs").count <= 1)
      #expect(try await purge(test, "?repo=demo").entries ?? 2 <= 1)
    }
  }

  @Test func `a pack that is being sent when it is forgotten arrives whole`() async throws {
    let answer = HandmadePack(40 << 20).answer
    let service = PackUpstream()
    service.set(refs: [GitOperation.id])
    service.set(answer: answer)
    try await SharingGateway.with(service) { test async throws in
      try await test.store(Self.request("demo"))
      let client = try await test.begin(Self.request("demo"))
      #expect(try await client.begin() == 200)
      #expect(try await purge(test).entries == 1)
      #expect(try await same(client.body(atLeast: .max), answer))
      await client.close()
    }
  }

  @Test func `a repo that is deleted takes its packs with it`() async throws {
    try await with { test, answer in
      try await test.store(Self.request("demo"))
      try await test.store(Self.request("other"))
      test.test.api.onOther { request in
        guard request.head.method == .delete else { return .response(500) }
        return ScriptedAPI.success(#"{"id":"id-demo"}"#, status: 202)
      }
      #expect(try await test.ask(HTTPRequest("DELETE", "/api/v1/repos/demo")).status == 202)
      #expect(try await test.figures().entries == 1)
      test.test.api.onOther(nil)
      test.service.set(answer: PktLines.line("ERR upload-pack: not our ref"))
      #expect(try await test.ask(Self.request("demo")).fetched?.refusal == "ERR upload-pack: not our ref")
      #expect(try await test.ask(Self.request("other")).outcome == "hit")
    }
  }
}
