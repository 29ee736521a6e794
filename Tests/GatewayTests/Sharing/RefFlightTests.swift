import EventLoop
import GatewayTestSupport
import Testing

@Suite(.timeLimit(.minutes(3))) struct RefFlightTests {
  private static func id(_ number: Int) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 40 - digits.count) + digits
  }

  /// The number in the one id that an answer names.
  private static func number(_ answer: HTTPAnswer) -> Int? {
    PktLines.packets(answer.body)?.first.flatMap { Int(String(decoding: $0.prefix(40), as: UTF8.self), radix: 16) }
  }

  /// Answers each question with its number, once its gate is open.
  private func gated(_ gates: [Gate]) -> PackUpstream {
    let service = PackUpstream()
    service.onQuestion { number, _ in
      PackUpstream.result(PackUpstream.listing([Self.id(number)]), after: gates[min(number, gates.count - 1)])
    }
    return service
  }

  @Test func `one question is under way and one waits, and nobody gets an answer to a question asked before his own`()
    async throws
  {
    let gates = (0..<6).map { _ in Gate() }
    gates[0].open()
    try await SharingGateway.with(gated(gates)) { test async throws in
      try await test.warmUp()
      try await withThrowingTaskGroup(of: (Int, HTTPAnswer).self) { group in
        func ask(_ count: Int, _ wave: Int) {
          for _ in 0..<count { group.addTask { (wave, try await test.ask(GitOperation.lsRefs())) } }
        }
        var waves: [Int: [Int?]] = [:]
        func collect(_ count: Int) async throws {
          for _ in 0..<count {
            guard let (wave, answer) = try await group.next() else { return }
            waves[wave, default: []].append(Self.number(answer))
          }
        }
        ask(1, 1)
        await test.test.upstream.waitForRequests(2)
        ask(30, 2)
        try await test.settle()
        #expect(test.service.questionCount == 2)
        gates[1].open()
        try await collect(1)
        await test.test.upstream.waitForRequests(3)
        ask(30, 3)
        try await test.settle()
        #expect(test.service.questionCount == 3)
        gates[2].open()
        try await collect(30)
        await test.test.upstream.waitForRequests(4)
        ask(1, 4)
        try await test.settle()
        #expect(test.service.questionCount == 4)
        gates[3].open()
        gates[4].open()
        try await collect(31)
        #expect(waves == [1: [1], 2: Array(repeating: 2, count: 30), 3: Array(repeating: 3, count: 30), 4: [4]])
      }
      // After the last one nothing is under way: the next goes at once.
      gates[5].open()
      #expect(Self.number(try await test.ask(GitOperation.lsRefs())) == 5)
    }
  }

  @Test func `fifty clients beside many changes never see a ref older than their question`() async throws {
    let counter = Counter()
    let service = PackUpstream()
    service.onQuestion { _, _ in
      PackUpstream.result(PackUpstream.listing([Self.id(counter.value)]))
    }
    try await SharingGateway.with(service) { test async throws in
      try await test.warmUp()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<50 {
          group.addTask {
            for _ in 0..<20 {
              let before = counter.next() + 1
              let seen = try #require(Self.number(try await test.ask(GitOperation.lsRefs())))
              #expect(seen >= before)
            }
          }
        }
        try await group.waitForAll()
      }
      // They were asked together.
      #expect(service.questionCount < 1_000)
    }
  }

  @Test func `questions with other arguments and of other repos do not wait for each other`() async throws {
    let gate = Gate()
    let service = PackUpstream()
    service.set(refs: [Self.id(7)])
    service.set(refs: [Self.id(8)], of: "other")
    service.onQuestion { _, request in
      let isHeld = String(decoding: request.body, as: UTF8.self).contains("ref-prefix refs/held/")
      return isHeld && !request.target.contains("other")
        ? PackUpstream.result(PackUpstream.listing([Self.id(9)]), after: gate) : nil
    }
    try await SharingGateway.with(service) { test async throws in
      try await test.warmUp()
      async let held = test.ask(GitOperation.lsRefs(["ref-prefix refs/held/"]))
      await test.test.upstream.waitForRequests(2)
      #expect(Self.number(try await test.ask(GitOperation.lsRefs(["peel"]))) == 7)
      #expect(Self.number(try await test.ask(GitOperation.lsRefs(["ref-prefix refs/held/"], of: "other"))) == 8)
      gate.open()
      #expect(Self.number(try await held) == 9)
    }
  }

  @Test func `a question that nobody waits for any more is not sent`() async throws {
    let gates = (0..<4).map { _ in Gate() }
    gates[0].open()
    try await SharingGateway.with(gated(gates)) { test async throws in
      try await test.warmUp()
      async let first = test.ask(GitOperation.lsRefs())
      await test.test.upstream.waitForRequests(2)
      var gone: [HTTPConnection] = []
      for _ in 0..<5 { gone.append(try await test.begin(GitOperation.lsRefs())) }
      try await test.settle()
      for client in gone { await client.close(resetting: true) }
      try await test.settle()
      gates[1].open()
      #expect(Self.number(try await first) == 1)
      gates[2].open()
      // The answer has the next number: none was spent on those who left.
      #expect(Self.number(try await test.ask(GitOperation.lsRefs())) == 2)
    }
  }

  @Test func `a refusal reaches all who wait for the same answer`() async throws {
    let gates = [Gate(), Gate(), Gate()]
    gates[0].open()
    let service = PackUpstream()
    service.onQuestion { number, _ in
      number == 0
        ? nil
        : ScriptedAnswer([
          .wait(gates[min(number, 2)]),
          .send(
            ScriptedAnswer.head(418, [("Content-Type", "text/plain"), ("Content-Length", "6")]) + Array("teapot".utf8)),
        ])
    }
    try await SharingGateway.with(service) { test async throws in
      try await test.warmUp()
      try await withThrowingTaskGroup(of: HTTPAnswer.self) { group in
        group.addTask { try await test.ask(GitOperation.lsRefs()) }
        await test.test.upstream.waitForRequests(2)
        for _ in 0..<20 { group.addTask { try await test.ask(GitOperation.lsRefs()) } }
        try await test.settle()
        gates[1].open()
        gates[2].open()
        for try await answer in group { #expect(answer.text.contains("teapot"), "\(answer)") }
      }
      #expect(service.questionCount == 3)
    }
  }

  @Test func `a listing that breaks off is told to all who wait for it`() async throws {
    let gate = Gate()
    let listing = PackUpstream.listing((0..<1_000).map(Self.id))
    let service = PackUpstream()
    service.onQuestion { number, _ in
      number == 0
        ? nil
        : number == 1
          ? PackUpstream.result(listing, after: gate)
          : PackUpstream.result(listing, brokenOffAfter: listing.count / 2, gate)
    }
    try await SharingGateway.with(service) { test async throws in
      try await test.warmUp()
      try await withThrowingTaskGroup(of: HTTPAnswer.self) { group in
        group.addTask { try await test.ask(GitOperation.lsRefs()) }
        await test.test.upstream.waitForRequests(2)
        for _ in 0..<5 { group.addTask { try await test.ask(GitOperation.lsRefs()) } }
        try await test.settle()
        gate.open()
        var whole = 0
        for try await answer in group {
          let isListing = answer.body == listing
          whole += isListing ? 1 : 0
          let last = PktLines.packets(answer.body)?.last.map { String(decoding: $0, as: UTF8.self) }
          #expect(isListing || !answer.isWhole || last?.hasPrefix("ERR artifacts-gateway: ") == true, "\(last ?? "")")
        }
        #expect(whole == 1)
      }
    }
  }

  /// Many more bytes than all buffers on the way take.
  private static let longListing: [UInt8] = {
    let line = PktLines.line("\(id(1)) refs/heads/\(String(repeating: "x", count: 2_000))\n")
    return (0..<15_000).flatMap { _ in line } + PktLines.flush
  }()

  @Test(arguments: [0, 1])
  func `a client that does not read a listing holds others for some seconds at most`(slow: Int) async throws {
    let gate = Gate()
    let service = PackUpstream()
    service.onQuestion { number, _ in
      switch number {
      case 0: nil
      case 1: PackUpstream.result(Self.longListing, after: gate)
      default: PackUpstream.result(Self.longListing)
      }
    }
    try await SharingGateway.with(service) { test async throws in
      try await test.warmUp()
      // The first asks alone; the others share the next answer.
      var clients = [try await test.begin(GitOperation.lsRefs())]
      await test.test.upstream.waitForRequests(2)
      for _ in 0..<3 { clients.append(try await test.begin(GitOperation.lsRefs())) }
      try await test.settle()
      let begin = MonotonicClock.now
      gate.open()
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for (index, client) in clients.enumerated() where index != slow {
          group.addTask {
            #expect(try await client.begin() == 200)
            let rest = try await client.rest()
            return rest.isWhole && rest.count == Self.longListing.count
          }
        }
        for try await isWhole in group { #expect(isWhole) }
      }
      // Far less than the idle time-out, after which the slow one would be cut off anyway.
      #expect(MonotonicClock.now - begin < 30_000_000_000)
      for client in clients { await client.close() }
    }
  }
}
