import EventLoop
import Gateway
import GatewayTestSupport
import HTTPTransport
import Testing

@Suite(.timeLimit(.minutes(3))) struct PackFlightTests {
  private static let request = GitOperation.fetch([GitOperation.id], ["no-progress", "done"])

  private func service(_ answer: @escaping @Sendable (Int) -> ScriptedAnswer?) -> PackUpstream {
    let service = PackUpstream()
    service.set(refs: [GitOperation.id])
    service.onFetch { number, _ in answer(number) }
    return service
  }

  /// Clients that have the first `count` bytes of their answers each.
  private func begin(_ clients: Int, _ test: SharingGateway, bytes count: Int) async throws -> [(
    HTTPConnection, [UInt8]
  )] {
    var begun: [(HTTPConnection, [UInt8])] = []
    for _ in 0..<clients {
      let client = try await test.begin(Self.request)
      #expect(try await client.begin() == 200)
      begun.append((client, try await client.body(atLeast: count)))
    }
    return begun
  }

  @Test func `followers read on while the leader's answer is still under way`() async throws {
    let answer = HandmadePack(900_000).answer
    let gate = Gate()
    let service = service { _ in PackUpstream.result(answer, stoppingAfter: 400_000, gate) }
    try await SharingGateway.with(service) { test async throws in
      let clients = try await begin(10, test, bytes: 300_000)
      #expect(service.fetchCount == 1)
      gate.open()
      for (client, beginning) in clients {
        let rest = try await client.body(atLeast: .max)
        #expect(same(beginning + rest, answer))
        await client.close()
      }
      #expect(service.fetchCount == 1)
    }
  }

  @Test func `a hundred at once cost one fetch, and all get the same`() async throws {
    let answer = HandmadePack(100_000).answer
    let service = PackUpstream()
    service.set(refs: [GitOperation.id])
    service.set(answer: answer)
    try await SharingGateway.with(service) { test async throws in
      try await withThrowingTaskGroup(of: [UInt8].self) { group in
        for _ in 0..<100 { group.addTask { try await test.ask(Self.request).body } }
        for try await body in group { #expect(same(body, answer)) }
      }
      #expect(service.fetchCount == 1)
      #expect(test.test.api.mints.count == 1)
    }
  }

  @Test func `a leader that does not read does not hold its followers`() async throws {
    // More than all buffers on the way take.
    let answer = HandmadePack(40 << 20).answer
    let gate = Gate()
    let service = service { _ in PackUpstream.result(answer, stoppingAfter: 20 << 20, gate) }
    try await SharingGateway.with(service, configure: { $0.timeouts.idle = .seconds(8) }) { test async throws in
      let leader = try await test.begin(Self.request)
      #expect(try await leader.begin() == 200)
      gate.open()
      try await test.settle()
      let follower = try await test.begin(Self.request)
      #expect(try await follower.begin() == 200)
      let first = try await follower.rest()
      #expect(first.isWhole)
      // Were it cut off, its follower would have waited for that.
      let last = try await leader.rest()
      #expect(last.isWhole)
      #expect(service.fetchCount == 1)
      await leader.close()
      await follower.close()
    }
  }

  @Test func `a follower that does not read holds nobody`() async throws {
    let answer = HandmadePack(40 << 20).answer
    let gate = Gate()
    let service = service { _ in PackUpstream.result(answer, stoppingAfter: 100_000, gate) }
    try await SharingGateway.with(service, configure: { $0.timeouts.idle = .seconds(8) }) { test async throws in
      let clients = try await begin(3, test, bytes: 50_000)
      gate.open()
      for index in [0, 2, 1] {
        let rest = try await clients[index].0.rest()
        #expect(rest.isWhole)
        #expect(clients[index].1.count + rest.count == answer.count)
        await clients[index].0.close()
      }
      #expect(service.fetchCount == 1)
    }
  }

  @Test(arguments: [true, false], [true, false])
  func `a leader that leaves does not end the flight while a follower is there`(
    resetting: Bool, isReader: Bool
  ) async throws {
    let answer = HandmadePack(3_000_000).answer
    let (first, second) = (Gate(), Gate())
    let service = service { _ in
      PackUpstream.result(answer, stopping: [(400_000, first), (800_000, second)])
    }
    try await SharingGateway.with(service) { test async throws in
      var clients = try await begin(3, test, bytes: 100_000)
      if isReader {
        // With more to bring, the leader has become one reader of many.
        first.open()
        for index in clients.indices { clients[index].1 += try await clients[index].0.body(atLeast: 500_000) }
      }
      await clients[0].0.close(resetting: resetting)
      try await test.settle()
      first.open()
      second.open()
      for (client, beginning) in clients.dropFirst() {
        let rest = try await client.body(atLeast: .max)
        #expect(same(beginning + rest, answer))
        await client.close()
      }
      #expect(service.fetchCount == 1)
      #expect(try await test.figures { $0.entries == 1 }.entries == 1)
    }
  }

  @Test func `a leader that leaves before the answer has begun leaves it to its follower`() async throws {
    let answer = HandmadePack(100_000).answer
    let gate = Gate()
    let service = service { _ in PackUpstream.result(answer, after: gate) }
    try await SharingGateway.with(service) { test async throws in
      try await test.warmUp()
      let leader = try await test.begin(Self.request)
      await test.test.upstream.waitForRequests(2)
      let follower = try await test.begin(Self.request)
      try await test.settle()
      await leader.close()
      try await test.settle()
      gate.open()
      #expect(try await follower.begin() == 200)
      #expect(try await same(follower.body(atLeast: .max), answer))
      await follower.close()
      #expect(service.fetchCount == 1)
    }
  }

  @Test(arguments: [[0, 1, 2], [2, 1, 0], [1, 0, 2]])
  func `when all have left the upstream's connection is closed`(order: [Int]) async throws {
    let answer = HandmadePack(3_000_000).answer
    let gate = Gate()
    let service = service { $0 == 0 ? PackUpstream.result(answer, stoppingAfter: 400_000, gate) : nil }
    try await SharingGateway.with(service) { test async throws in
      let clients = try await begin(3, test, bytes: 100_000)
      for index in order { await clients[index].0.close() }
      // What the gateway cannot deliver any more it does not fetch.
      try await test.settle()
      gate.open()
      let index = try #require(await test.test.upstream.requests.firstIndex { $0.body == Self.request.body })
      await test.test.upstream.waitForEnd(ofRequest: index)
      #expect(try await test.figures { $0.flights == 0 }.flights == 0)
      #expect(try await test.figures().entries == 0)
    }
  }

  @Test func `when the upstream breaks off everybody is told, and nobody gets a final flush`() async throws {
    let answer = HandmadePack(900_000).answer
    let gate = Gate()
    let service = service { $0 == 0 ? PackUpstream.result(answer, brokenOffAfter: 400_000, gate) : nil }
    service.set(answer: answer)
    try await SharingGateway.with(service) { test async throws in
      let clients = try await begin(5, test, bytes: 300_000)
      gate.open()
      for (client, beginning) in clients {
        let body = beginning + (try await client.body(atLeast: .max))
        let fetched = try #require(FetchedPack(body))
        #expect(fetched.errors.count == 1)
        #expect(fetched.errors.first?.hasPrefix("artifacts-gateway: ") == true, "\(fetched.errors)")
        #expect(!fetched.endsInFlush)
        #expect(await client.isBodyRead)
        await client.close()
      }
      #expect(try await test.figures().entries == 0)
      // Nothing of it is left for the next one.
      #expect(try await same(test.ask(Self.request).body, answer))
      #expect(service.fetchCount == 2)
    }
  }

  @Test func `an upstream that breaks off before anything was sent is asked again`() async throws {
    let answer = HandmadePack(50_000).answer
    let gate = Gate()
    let service = service { $0 == 0 ? ScriptedAnswer([.wait(gate), .reset]) : nil }
    service.set(answer: answer)
    try await SharingGateway.with(service) { test async throws in
      try await test.warmUp()
      async let leader = test.ask(Self.request)
      await test.test.upstream.waitForRequests(2)
      async let follower = test.ask(Self.request)
      try await test.settle()
      gate.open()
      #expect(try await same(leader.body, answer))
      #expect(try await same(follower.body, answer))
    }
  }

  @Test func `a refusal reaches everybody who waits for the same`() async throws {
    let gate = Gate()
    let service = service { _ in
      ScriptedAnswer([
        .wait(gate), .send(ScriptedAnswer.head(418, [("Content-Type", "text/plain"), ("Content-Length", "6")])),
        .send(Array("teapot".utf8)),
      ])
    }
    try await SharingGateway.with(service) { test async throws in
      try await test.warmUp()
      try await withThrowingTaskGroup(of: HTTPAnswer.self) { group in
        for _ in 0..<10 { group.addTask { try await test.ask(Self.request) } }
        await test.test.upstream.waitForRequests(2)
        try await test.settle()
        gate.open()
        for try await answer in group { #expect(answer.fetched?.refusal?.contains("teapot") == true, "\(answer)") }
      }
      #expect(service.fetchCount == 1)
      #expect(try await test.figures().flights == 0)
    }
  }

  @Test func `followers of an answer that is no pack get one of their own`() async throws {
    let gate = Gate()
    let answer = HandmadePack(50_000).answer
    let refusal = PktLines.line("ERR not our ref\n")
    let service = service { $0 == 0 ? PackUpstream.result(refusal, after: gate) : nil }
    service.set(answer: answer)
    try await SharingGateway.with(service) { test async throws in
      try await test.warmUp()
      async let leader = test.ask(Self.request)
      await test.test.upstream.waitForRequests(2)
      async let follower = test.ask(Self.request)
      try await test.settle()
      gate.open()
      #expect(try await leader.body == refusal)
      #expect(try await same(follower.body, answer))
      #expect(service.fetchCount == 2)
    }
  }
}
