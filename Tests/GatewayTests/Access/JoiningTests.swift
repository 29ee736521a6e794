import ArtifactsAPI
import EventLoop
import Gateway
import GatewayTestSupport
import Testing

/// What is under way for one, or kept, is not for another who may not read it.
@Suite(.timeLimit(.minutes(3))) struct JoiningTests {
  /// Somebody who asks and may not.
  private struct Asker: Sendable {
    let name: String
    let authorization: String?
    /// He comes by the listener that takes those who show nothing.
    var isBySocket = false
    let status: Int
    let text: String

    /// As git reads it when he is known: a status would hide the text.
    func fits(_ answer: HTTPAnswer, to request: HTTPRequest, isGit: Bool) -> Bool {
      let isInProtocol = isGit && status == 403 && request.method == "POST"
      let form =
        isInProtocol
        ? answer.status == 200 && answer.text.dropFirst(4).hasPrefix("ERR artifacts-gateway: \(text)")
        : answer.status == status && answer.text.hasPrefix("artifacts-gateway: \(text)")
      return form && answer.isWhole && answer.body.count < 300 && !answer.text.contains("PACK")
        && !answer.text.contains(GitOperation.id) && answer.field("x-artifacts-gateway-cache") == nil
        && (answer.field("www-authenticate") != nil) == (status == 401)
    }
  }

  private struct House {
    let test: SharingGateway
    let reader: Secret
    let askers: [Asker]
    let socket: String

    func granted(_ request: HTTPRequest) -> HTTPRequest { request.with("Authorization", "Bearer \(reader.exposed)") }

    /// Lets everybody ask who may not, while all is as it is, and sees that nobody but the gateway was asked.
    func refuses(_ request: HTTPRequest, _ place: SourceLocation = #_sourceLocation) async throws {
      let before = await test.test.upstream.requests.count
      for asker in askers {
        for agent in [GitOperation.git, GitOperation.curl] {
          var request = request
          request.fields.removeAll { $0.0 == "User-Agent" }
          request = request.with("User-Agent", agent)
          if let shown = asker.authorization { request = request.with("Authorization", shown) }
          let connection =
            asker.isBySocket
            ? try await HTTPConnection.open(path: socket, on: test.test.loop) : try await test.test.connect()
          try await connection.send(request.bytes)
          let answer = try #require(try await connection.receive())
          #expect(
            asker.fits(answer, to: request, isGit: agent == GitOperation.git), "\(asker.name): \(answer)",
            sourceLocation: place)
          // Nothing follows it but what is asked for next.
          try await connection.send(HTTPRequest("GET", "/livez").bytes)
          #expect(try await connection.receive()?.status == 200, "\(asker.name)", sourceLocation: place)
          await connection.close()
        }
      }
      #expect(await test.test.upstream.requests.count == before, sourceLocation: place)
    }
  }

  private func with(_ service: PackUpstream, _ body: (House) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      let people = ["reader", "stranger", "writer", "neighbour"].map { ($0, TokenSecret.make()) }
      var access = try AccessConfiguration.knowing(people, in: folder)
      access.allow("token:reader", [.read], "default/demo")
      access.allow("token:writer", [.push], "default/demo")
      access.allow("token:neighbour", Set(Right.allCases), "default/other", "default/dem", "default/demo2")
      let socket = folder + "/s"
      access.authentication?.listenerRules = [.init(.unix(socket), accepted: [.token, .anonymous])]
      try await SharingGateway.with(
        service,
        configure: { [access] in
          $0.access = access
          $0.advertisementLife = .seconds(600)
        }
      ) { test async throws in
        _ = try await test.test.gateway.listen(on: .unix(socket))
        let unknown = "this gateway wants to know who you are"
        var askers = people.dropFirst().map { name, secret in
          Asker(
            name: name, authorization: "Bearer \(secret.exposed)", status: 403,
            text: "token:\(name) may not read default/demo; no rule allows it")
        }
        askers += [
          Asker(name: "nobody", authorization: nil, status: 401, text: unknown),
          Asker(name: "anonymous", authorization: nil, isBySocket: true, status: 401, text: unknown),
          Asker(
            name: "guesser", authorization: "Bearer \(people[0].1.exposed)0", status: 401,
            text: "the credentials are not accepted"),
        ]
        try await body(House(test: test, reader: people[0].1, askers: askers, socket: socket))
      }
    }
  }

  private static let fetch = GitOperation.fetch([GitOperation.id], ["no-progress", "done"])
  private static let refs = GitOperation.lsRefs(["ref-prefix refs/heads/"])
  private static let capabilities = GitOperation.fetchRefs.request().with("Git-Protocol", "version=2")

  @Test func `a pack under way is for those who may read`() async throws {
    let answer = HandmadePack(900_000).answer
    let gate = Gate()
    let service = PackUpstream()
    service.set(refs: [GitOperation.id])
    service.onFetch { _, _ in PackUpstream.result(answer, stoppingAfter: 400_000, gate) }
    try await with(service) { house async throws in
      var clients: [(HTTPConnection, [UInt8])] = []
      for _ in 0..<2 {
        let client = try await house.test.begin(house.granted(Self.fetch))
        #expect(try await client.begin() == 200)
        clients.append((client, try await client.body(atLeast: 300_000)))
        // With one reader, and with a second one that has joined.
        try await house.refuses(Self.fetch)
      }
      gate.open()
      for (client, beginning) in clients {
        let rest = try await client.body(atLeast: .max)
        #expect(same(beginning + rest, answer))
        await client.close()
      }
      #expect(service.fetchCount == 1)
      // And when it is kept.
      try await house.refuses(Self.fetch)
      let hit = try await house.test.ask(house.granted(Self.fetch))
      #expect(same(hit.body, answer) && service.fetchCount == 1)
      #expect(hit.field("x-artifacts-gateway-cache")?.hasPrefix("hit") == true, "\(hit.status)")
      try await house.refuses(Self.fetch)
    }
  }

  @Test func `a pack whose answer has not begun is for those who may read`() async throws {
    let answer = HandmadePack(10_000).answer
    let gate = Gate()
    let service = PackUpstream()
    service.set(refs: [GitOperation.id])
    service.onFetch { _, _ in PackUpstream.result(answer, after: gate) }
    try await with(service) { house async throws in
      let leader = try await house.test.begin(house.granted(Self.fetch))
      await house.test.test.upstream.waitForRequests(1)
      try await house.refuses(Self.fetch)
      gate.open()
      #expect(try await leader.receive().map { same($0.body, answer) } == true)
      await leader.close()
      #expect(service.fetchCount == 1)
    }
  }

  @Test func `a question for refs under way is for those who may read, and so is one that waits`() async throws {
    let gates = [Gate(), Gate()]
    let service = PackUpstream()
    service.onQuestion { number, _ in
      PackUpstream.result(PackUpstream.listing([GitOperation.id]), after: gates[min(number, 1)])
    }
    try await with(service) { house async throws in
      let first = try await house.test.begin(house.granted(Self.refs))
      await house.test.test.upstream.waitForRequests(1)
      try await house.refuses(Self.refs)
      let second = try await house.test.begin(house.granted(Self.refs))
      try await house.test.settle()
      try await house.refuses(Self.refs)
      gates[0].open()
      #expect(try await first.receive()?.text.contains(GitOperation.id) == true)
      await house.test.test.upstream.waitForRequests(2)
      // It has departed, and others would wait for the next.
      try await house.refuses(Self.refs)
      gates[1].open()
      #expect(try await second.receive()?.text.contains(GitOperation.id) == true)
      await first.close()
      await second.close()
      #expect(service.questionCount == 2)
    }
  }

  @Test func `an advertisement that is asked for, or kept, is for those who may read`() async throws {
    let gate = Gate()
    let service = PackUpstream()
    service.onAdvertisement { number, _ in
      guard number == 0, case .send(let bytes) = PackUpstream.advertisement.steps[0] else { return nil }
      return ScriptedAnswer([.wait(gate), .send(bytes)])
    }
    try await with(service) { house async throws in
      let first = try await house.test.begin(house.granted(Self.capabilities))
      await house.test.test.upstream.waitForRequests(1)
      try await house.refuses(Self.capabilities)
      gate.open()
      #expect(try await first.receive()?.body == PackUpstream.advertisementBody)
      await first.close()
      try await house.refuses(Self.capabilities)
      #expect(try await house.test.ask(house.granted(Self.capabilities)).body == PackUpstream.advertisementBody)
      #expect(service.advertisementCount == 1)
      try await house.refuses(Self.capabilities)
    }
  }
}
