import Gateway
import GatewayTestSupport
import HTTPCore
import Testing

@Suite(.timeLimit(.minutes(1))) struct AdvertisementCacheTests {
  private static func advertisement(
    _ service: String = "upload-pack", version: String? = "version=2", of repo: String = "demo"
  )
    -> HTTPRequest
  {
    let request = HTTPRequest(
      "GET", "/git/\(repo)/info/refs?service=git-\(service)", [("User-Agent", GitOperation.git)])
    return version.map { request.with("Git-Protocol", $0) } ?? request
  }

  private func with(
    life: Duration = .seconds(60), _ service: PackUpstream = PackUpstream(),
    _ body: (SharingGateway) async throws -> Void
  ) async throws {
    try await SharingGateway.with(service, configure: { $0.advertisementLife = life }, body)
  }

  /// How many of `count` equal requests reach the upstream.
  private func forwarded(_ request: HTTPRequest, _ count: Int, _ test: SharingGateway) async throws -> Int {
    let before = await test.test.upstream.requests.count
    for _ in 0..<count {
      let answer = try await test.ask(request)
      #expect(answer.status == 200)
    }
    return await test.test.upstream.requests.count - before
  }

  @Test func `capabilities of protocol v2 are asked for once in their time, for each repo`() async throws {
    try await with { test async throws in
      #expect(try await forwarded(Self.advertisement(), 5, test) == 1)
      #expect(try await forwarded(Self.advertisement(of: "other"), 5, test) == 1)
      let answer = try await test.ask(Self.advertisement())
      #expect(same(answer.body, PackUpstream.advertisementBody))
      #expect(answer.field("content-type") == "application/x-git-upload-pack-advertisement")
      #expect(answer.field("cache-control") == "no-cache")
      #expect(answer.field("content-length") == "\(PackUpstream.advertisementBody.count)")
    }
  }

  @Test(arguments: [
    advertisement("receive-pack"), advertisement(version: nil), advertisement(version: "version=1"),
    advertisement("receive-pack", version: nil), advertisement(version: "version=2:unheard-of"),
  ])
  func `every other advertisement is asked for each time`(request: HTTPRequest) async throws {
    let service = PackUpstream()
    service.onAdvertisement { _, request in
      request.target.hasSuffix("receive-pack") ? GitOperation.pushRefs.answer : nil
    }
    try await with(service) { test async throws in
      _ = try await test.ask(Self.advertisement())
      #expect(try await forwarded(request, 3, test) == 3)
    }
  }

  @Test func `an answer that names refs is never remembered`() async throws {
    let service = PackUpstream()
    service.onAdvertisement { _, _ in GitOperation.fetchRefs.answer }
    try await with(service) { test async throws in #expect(try await forwarded(Self.advertisement(), 3, test) == 3) }
  }

  @Test func `a refusal is never remembered`() async throws {
    let service = PackUpstream()
    service.onAdvertisement { number, _ in number < 2 ? .response(404, text: "404 Not Found") : nil }
    try await with(service) { test async throws in
      #expect(try await test.ask(Self.advertisement()).status == 404)
      #expect(try await test.ask(Self.advertisement()).status == 404)
      #expect(try await same(test.ask(Self.advertisement()).body, PackUpstream.advertisementBody))
    }
  }

  @Test(arguments: [Duration.zero, .nanoseconds(1)])
  func `out of its time, or switched off, each is asked for`(life: Duration) async throws {
    try await with(life: life) { test async throws in #expect(try await forwarded(Self.advertisement(), 3, test) == 3) }
  }

  @Test func `an answer that breaks off is not remembered`() async throws {
    let service = PackUpstream()
    service.onAdvertisement { number, _ in
      number > 0
        ? nil
        : ScriptedAnswer([
          .send(
            ScriptedAnswer.head(
              200, [("Content-Type", GitOperation.fetchRefs.answerType), ("Content-Length", "1000")])
              + PackUpstream.advertisementBody), .close,
        ])
    }
    try await with(service) { test async throws in
      #expect(try await !test.ask(Self.advertisement()).isWhole)
      #expect(try await same(test.ask(Self.advertisement()).body, PackUpstream.advertisementBody))
      #expect(service.advertisementCount == 2)
    }
  }

  @Test func `what was remembered of a repo is gone with it`() async throws {
    let api = ScriptedAPI()
    let service = PackUpstream()
    try await SharingGateway.with(service, api: api, configure: { $0.advertisementLife = .seconds(60) }) {
      test async throws in
      _ = try await test.ask(Self.advertisement())
      api.onLookUp { _ in ScriptedAPI.failure(404, 10200, "Not found") }
      api.onOther {
        $0.head.method == .delete
          ? ScriptedAPI.success(#"{"id":"id-demo"}"#, status: 202) : ScriptedAPI.failure(404, 10200, "Not found")
      }
      #expect(try await test.ask(HTTPRequest("DELETE", "/api/v1/repos/demo")).status == 202)
      #expect(try await test.ask(Self.advertisement()).status == 404)
    }
  }
}
