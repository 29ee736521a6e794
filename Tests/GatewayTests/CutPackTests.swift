import GatewayTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct CutPackTests {
  enum Framing: CaseIterable, Sendable {
    case length, chunked, untilClose
  }

  enum Cut: CaseIterable, Sendable {
    case close, reset
  }

  /// Answers as git's own server gives them, with every kind of packet.
  static let fetchV2 =
    PktLines.line("acknowledgments\n") + PktLines.line("ready\n") + Array("0001".utf8) + PktLines.line("packfile\n")
    + PktLines.band(2, "Enumerating objects: 3, done.\n")
    + PktLines.band(1, Array("PACK".utf8) + [0, 0, 0, 2, 0, 0, 0, 3])
    + PktLines.band(2, "Total 3\n") + PktLines.band(1, (0..<40).map { UInt8($0) }) + PktLines.flush
  static let fetchV0 =
    PktLines.line("NAK\n") + PktLines.band(2, "Counting\n") + PktLines.band(1, Array("PACKxxxxxxxxxxxxxxxx".utf8))
    + PktLines.flush
  static let push =
    PktLines.band(2, "Resolving deltas\n")
    + PktLines.band(1, PktLines.line("unpack ok\n") + PktLines.line("ok refs/heads/main\n") + PktLines.flush)
    + PktLines.flush

  private func answer(_ body: [UInt8], cutAt count: Int, _ framing: Framing, _ cut: Cut, _ type: String)
    -> ScriptedAnswer
  {
    let kept = Array(body.prefix(count))
    let head: [(String, String)]
    var content = kept
    switch framing {
    case .length: head = [("Content-Length", "\(body.count)")]
    case .chunked:
      head = [("Transfer-Encoding", "chunked")]
      // One chunk that promises more than comes.
      content = Array((String(body.count, radix: 16) + "\r\n").utf8) + kept
    case .untilClose: head = [("Connection", "close")]
    }
    return ScriptedAnswer([
      .send(ScriptedAnswer.head(200, [("Content-Type", type)] + head) + content), cut == .close ? .close : .reset,
    ])
  }

  /// Asks once for each length that an answer can be cut to, several at a time.
  private func cutEverywhere(
    _ body: [UInt8], _ request: HTTPRequest, _ framing: Framing, _ cut: Cut,
    _ check: @escaping @Sendable (HTTPAnswer, Int) -> Void
  ) async throws {
    let type = request.target.hasSuffix("receive-pack") ? GitOperation.push.answerType : GitOperation.fetch.answerType
    try await TestGateway.with(upstream: { received in
      let count = Int(received.field("x-cut") ?? "") ?? 0
      return self.answer(body, cutAt: count, framing, cut, type)
    }) { test in
      for count in 0..<body.count {
        check(try await test.ask(request.with("X-Cut", "\(count)")), count)
      }
    }
  }

  private static func expectReadable(_ answer: HTTPAnswer, _ count: Int, of body: [UInt8]) {
    #expect(answer.status == 200)
    #expect(answer.isWhole, "cut at \(count)")
    guard let packets = PktLines.packets(answer.body), let last = packets.last else {
      Issue.record("cut at \(count): no pkt-lines: \(answer)")
      return
    }
    let text = String(decoding: last, as: UTF8.self)
    #expect(text.hasPrefix("\u{3}artifacts-gateway: ") || text.hasPrefix("ERR artifacts-gateway: "), "cut at \(count)")
    // What came before is what the upstream sent, packet by packet, but for the one that was cut.
    let sent = PktLines.packets(body) ?? []
    let whole = packets.dropLast()
    for (index, packet) in whole.enumerated() where index < whole.count - 1 {
      #expect(packet == sent[index], "cut at \(count)")
    }
    #expect(whole.count <= sent.count)
  }

  @Test(arguments: [Framing.length, .chunked], Cut.allCases)
  func `a fetch that is cut at any byte ends readably`(framing: Framing, cut: Cut) async throws {
    try await cutEverywhere(Self.fetchV2, GitOperation.fetch.request(), framing, cut) {
      Self.expectReadable($0, $1, of: Self.fetchV2)
    }
  }

  @Test(arguments: [Framing.length, .chunked])
  func `a fetch in protocol v0 that is cut at any byte ends readably`(framing: Framing) async throws {
    let want = PktLines.line("want \(GitOperation.id) side-band-64k ofs-delta\n")
    var request = GitOperation.fetch.request(body: want + PktLines.flush + PktLines.line("done\n"))
    request.fields.removeAll { $0.0 == "Git-Protocol" }
    try await cutEverywhere(Self.fetchV0, request, framing, .close) { Self.expectReadable($0, $1, of: Self.fetchV0) }
  }

  @Test(arguments: [Framing.length, .chunked], Cut.allCases)
  func `a push whose report is cut at any byte ends readably`(framing: Framing, cut: Cut) async throws {
    try await cutEverywhere(Self.push, GitOperation.push.request(), framing, cut) {
      Self.expectReadable($0, $1, of: Self.push)
    }
  }

  @Test func `an answer that ends by closing in the middle of a packet ends readably`() async throws {
    try await cutEverywhere(Self.fetchV2, GitOperation.fetch.request(), .untilClose, .close) { answer, count in
      // Between two packets nobody can tell.
      let isBetween = PktLines.packets(Array(Self.fetchV2.prefix(count))) != nil
      if isBetween { #expect(answer.isWhole && answer.body == Array(Self.fetchV2.prefix(count))) }
      if !isBetween { Self.expectReadable(answer, count, of: Self.fetchV2) }
    }
  }

  @Test func `a length that is too short for its packets ends readably`() async throws {
    let body = Self.fetchV2
    try await TestGateway.with(upstream: { request in
      let count = Int(request.field("x-cut") ?? "") ?? 0
      let head = ScriptedAnswer.head(
        200, [("Content-Type", GitOperation.fetch.answerType), ("Content-Length", "\(count)")])
      return ScriptedAnswer([.send(head + body), .close])
    }) { test in
      for count in 1..<body.count where PktLines.packets(Array(body.prefix(count))) == nil {
        let answer = try await test.ask(GitOperation.fetch.request().with("X-Cut", "\(count)"))
        Self.expectReadable(answer, count, of: body)
      }
    }
  }

  @Test func `an answer that stalls in the middle ends readably`() async throws {
    let body = Self.fetchV2
    try await TestGateway.with(upstream: { _ in
      let head = ScriptedAnswer.head(
        200, [("Content-Type", GitOperation.fetch.answerType), ("Content-Length", "\(body.count)")])
      return ScriptedAnswer([.send(head + body.prefix(body.count / 2)), .stall])
    }) {
      $0.becomeImpatient()
    } _: { test in
      Self.expectReadable(try await test.ask(.fetch), body.count / 2, of: body)
    }
  }

  @Test func `an advertisement that is cut is seen to be cut`() async throws {
    try await TestGateway.with(upstream: { _ in
      let body = GitOperation.fetchRefs.answerBody
      let head = ScriptedAnswer.head(
        200, [("Content-Type", GitOperation.fetchRefs.answerType), ("Content-Length", "\(body.count)")])
      return ScriptedAnswer([.send(head + body.dropLast(10)), .close])
    }) { test in
      let answer = try await test.ask(.fetchRefs)
      #expect(!answer.isWhole)
    }
  }

  @Test func `chunks that each split a packet's length arrive whole`() async throws {
    // Every chunk ends inside the length of the next packet.
    let packets = (0..<4000).map { PktLines.band(1, [UInt8(truncatingIfNeeded: $0)]) }
    let body = PktLines.line("packfile\n") + packets.flatMap { $0 } + PktLines.flush
    var rest = body[...]
    var chunks: [UInt8] = []
    var size = 15
    while !rest.isEmpty {
      let chunk = rest.prefix(size)
      chunks += Array((String(chunk.count, radix: 16) + "\r\n").utf8) + chunk + [13, 10]
      rest = rest.dropFirst(size)
      size = 6
    }
    let content = chunks + Array("0\r\n\r\n".utf8)
    try await TestGateway.with(upstream: { _ in
      ScriptedAnswer([
        .send(
          ScriptedAnswer.head(
            200, [("Content-Type", GitOperation.fetch.answerType), ("Transfer-Encoding", "chunked")]) + content)
      ])
    }) { test in
      let answer = try await test.ask(.fetch)
      #expect(answer.isWhole)
      #expect(answer.body == body)
    }
  }
}
