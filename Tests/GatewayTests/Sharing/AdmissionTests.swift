import GatewayTestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct AdmissionTests {
  private let pack = HandmadePack(200_000)

  private func with(_ body: (SharingGateway) async throws -> Void) async throws {
    let service = PackUpstream()
    service.set(refs: [GitOperation.id])
    service.set(answer: pack.answerWithProgress)
    try await SharingGateway.with(service, body)
  }

  @Test func `a pack that is asked for once is not kept, and from the second request on it is`() async throws {
    try await with { test async throws in
      let first = try await test.ask(GitOperation.fetch())
      #expect(first.outcome == "miss")
      #expect(same(first.fetched?.pack, pack.pack))
      #expect(try await test.figures().entries == 0)
      for _ in 0..<3 {
        let next = try await test.ask(GitOperation.fetch())
        #expect(next.outcome == "hit")
        #expect(same(next.fetched?.pack, pack.pack))
        #expect(next.fetched?.endsInFlush == true)
      }
      #expect(test.service.fetchCount == 1)
      let figures = try await test.figures { $0.entries == 1 }
      #expect(figures.entries == 1)
      #expect(figures["misses"] == 1)
      #expect(figures["hits"] == 3)
      // From the disk.
      let stored = try await test.ask(GitOperation.fetch())
      #expect(stored.outcome == "hit")
      #expect(same(stored.fetched?.pack, pack.pack))
      #expect(test.service.fetchCount == 1)
      #expect(try await test.figures()["saved_bytes"] >= 4 * pack.pack.count)
    }
  }

  @Test func `a pack that somebody joins is kept at once`() async throws {
    try await with { test async throws in
      let gate = Gate()
      let pack = pack
      test.service.onFetch { _, _ in PackUpstream.result(pack.answer, stoppingAfter: 1_000, gate) }
      let leader = try await test.begin(GitOperation.fetch())
      await test.test.upstream.waitForRequests(1)
      #expect(try await leader.begin() == 200)
      let follower = try await test.begin(GitOperation.fetch())
      #expect(try await follower.begin() == 200)
      gate.open()
      for client in [leader, follower] {
        #expect(same(FetchedPack(try await client.body(atLeast: .max))?.pack, pack.pack))
        await client.close()
      }
      #expect(try await test.figures { $0.entries == 1 }.entries == 1)
      #expect(try await test.figures()["joined"] == 1)
      #expect(test.service.fetchCount == 1)
    }
  }

  @Test func `requests that mean the same pack share it, whoever asks`() async throws {
    let (a, b) = (GitOperation.id, String(repeating: "a", count: 40))
    let equal = [
      GitOperation.fetch([a, b], ["thin-pack", "ofs-delta", "done"]),
      GitOperation.fetch([b, a], ["done", "ofs-delta", "thin-pack"], agent: "JGit/6", session: "another"),
      GitOperation.fetch([a, b, a], ["no-progress", "ofs-delta", "thin-pack", "done"]),
    ]
    let service = PackUpstream()
    service.set(refs: [a, b])
    service.set(answer: pack.answer)
    try await SharingGateway.with(service) { test async throws in
      for request in equal { #expect(try await same(test.ask(request).fetched?.pack, pack.pack)) }
      #expect(test.service.fetchCount == 1)
    }
  }

  @Test(arguments: [
    ["done"], ["thin-pack", "done"], ["ofs-delta", "done"], ["include-tag", "done"], ["deepen 1", "done"],
    ["deepen 2", "done"], ["filter blob:none", "done"], ["filter tree:0", "done"],
    ["have aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "done"],
    ["shallow aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "done"],
  ])
  func `requests that mean another pack do not get this one`(arguments: [String]) async throws {
    try await with { test async throws in
      try await test.store(GitOperation.fetch([GitOperation.id], ["deepen 7", "done"]))
      let before = test.service.fetchCount
      #expect(try await test.ask(GitOperation.fetch([GitOperation.id], arguments)).outcome == "miss")
      #expect(test.service.fetchCount == before + 1)
    }
  }

  @Test(arguments: [
    ["want-ref refs/heads/main", "done"], ["deepen-not refs/heads/main", "done"], ["wait-for-done"],
    ["packfile-uris https", "done"], ["unheard-of", "done"],
  ])
  func `what cannot be kept passes through, byte for byte`(arguments: [String]) async throws {
    try await with { test async throws in
      let request = GitOperation.fetch([GitOperation.id], arguments)
      for round in 1...3 {
        let answer = try await test.ask(request)
        #expect(same(answer.body, pack.answerWithProgress))
        #expect(answer.outcome == "bypass")
        #expect(test.service.fetchCount == round)
        #expect(same(await test.test.upstream.requests.last?.body, request.body))
      }
      #expect(try await test.figures().entries == 0)
    }
  }

  @Test func `the miss is the upstream's answer byte for byte, progress and all`() async throws {
    try await with { test async throws in
      #expect(try await same(test.ask(GitOperation.fetch()).body, pack.answerWithProgress))
    }
  }

  @Test func `a hit has one line of the gateway's own, and none for who wants no progress`() async throws {
    try await with { test async throws in
      try await test.store(GitOperation.fetch())
      let told = try #require(try await test.ask(GitOperation.fetch()).fetched)
      #expect(told.progress.count == 1)
      let line = try #require(told.progress.first)
      #expect(line.hasPrefix("artifacts-gateway: from cache, 200 kB, ") && line.hasSuffix(" s old\n"), "\(line)")
      let quiet = try await test.ask(GitOperation.fetch([GitOperation.id], ["no-progress", "done"]))
      #expect(quiet.outcome == "hit")
      #expect(quiet.fetched?.progress == [])
      #expect(same(quiet.fetched?.pack, pack.pack))
    }
  }

  @Test(arguments: [true, false])
  func `who shares a flight has a line of progress only if he wants one, whatever the others want`(isLeaderQuiet: Bool)
    async throws
  {
    try await with { test in
      let (gate, pack) = (Gate(), pack)
      test.service.onFetch { _, _ in PackUpstream.result(pack.answer, stoppingAfter: 1_000, gate) }
      let (quiet, loud) = (["no-progress", "done"], ["done"])
      let leader = try await test.begin(GitOperation.fetch([GitOperation.id], isLeaderQuiet ? quiet : loud))
      #expect(try await leader.begin() == 200)
      async let first = test.ask(GitOperation.fetch([GitOperation.id], quiet))
      async let second = test.ask(GitOperation.fetch([GitOperation.id], loud))
      try await test.settle()
      gate.open()
      let (silent, told) = (try #require(try await first.fetched), try #require(try await second.fetched))
      #expect(silent.progress == [])
      #expect(told.progress.count == 1 && told.progress.first?.hasPrefix("artifacts-gateway: ") == true)
      #expect(same(silent.pack, pack.pack) && same(told.pack, pack.pack))
      await leader.close()
    }
  }

  @Test func `lines before the pack are kept in front of it`() async throws {
    let shallow =
      PktLines.line("shallow-info\n") + PktLines.line("shallow \(GitOperation.id)\n") + Array("0001".utf8)
    let service = PackUpstream()
    service.set(refs: [GitOperation.id])
    service.set(answer: shallow + pack.answer)
    try await SharingGateway.with(service) { test async throws in
      let request = GitOperation.fetch([GitOperation.id], ["deepen 1", "no-progress", "done"])
      try await test.store(request)
      #expect(try await same(test.ask(request).body, shallow + pack.answer))
      let told = try await test.ask(GitOperation.fetch([GitOperation.id], ["deepen 1", "done"]))
      #expect(told.body.starts(with: shallow + PktLines.line("packfile\n")))
      #expect(told.fetched?.progress.count == 1)
      #expect(same(told.fetched?.pack, pack.pack))
    }
  }

  @Test func `with sideband-all, too, a hit has one line and the same pack`() async throws {
    let service = PackUpstream()
    service.set(refs: [GitOperation.id])
    let answer = PktLines.band(1, "packfile\n") + pack.answer.dropFirst(PktLines.line("packfile\n").count)
    service.set(answer: answer)
    try await SharingGateway.with(service) { test async throws in
      let request = GitOperation.fetch([GitOperation.id], ["sideband-all", "done"])
      try await test.store(request)
      let body = try await test.ask(request).body
      #expect(body.starts(with: PktLines.band(1, "packfile\n")))
      let fetched = try #require(FetchedPack(body, isSidebandAll: true))
      #expect(same(fetched.pack, Array("packfile\n".utf8) + pack.pack))
      #expect(fetched.progress.count == 1)
      #expect(fetched.endsInFlush)
      #expect(
        try await test.ask(GitOperation.fetch([GitOperation.id], ["sideband-all", "no-progress", "done"])).body
          == answer)
    }
  }

  @Test(arguments: [
    PktLines.line("ERR upload-pack: not our ref\n"),
    PktLines.line("acknowledgments\n") + PktLines.line("NAK\n") + PktLines.flush,
    PktLines.line("packfile\n") + PktLines.band(1, HandmadePack(100).pack) + PktLines.band(3, "out of memory"),
    PktLines.line("packfile\n") + PktLines.band(1, HandmadePack(100).pack),
    PktLines.line("packfile\n") + PktLines.band(1, HandmadePack(100).pack.dropLast() + [0]) + PktLines.flush,
    PktLines.line("packfile\n") + PktLines.flush,
    PktLines.line("packfile\n") + PktLines.band(1, "PACK") + PktLines.flush,
    HandmadePack(100).answer + PktLines.band(1, "more"),
  ])
  func `an answer that is no whole pack is given to who asked, and never kept`(answer: [UInt8]) async throws {
    let service = PackUpstream()
    service.set(refs: [GitOperation.id])
    service.set(answer: answer)
    try await SharingGateway.with(service) { test async throws in
      let quiet = GitOperation.fetch([GitOperation.id], ["no-progress", "done"])
      for _ in 0..<4 { #expect(try await test.ask(quiet).body.starts(with: answer)) }
      #expect(try await test.figures { $0.flights == 0 }.flights == 0)
      #expect(try await test.figures().entries == 0)
    }
  }
}
