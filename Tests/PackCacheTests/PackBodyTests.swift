import GatewayTestSupport
import PackCache
import Testing

/// What a body must be to be committed; each is shown to the store in one piece, and read by it in one.
@Suite(.timeLimit(.minutes(1))) struct PackBodyTests {
  struct Bad: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let body: [UInt8]
    var preludeBytes = Answer.prelude.count

    init(_ name: String, preludeBytes: Int = Answer.prelude.count, _ change: (inout Answer) -> Void) {
      var answer = Answer(filler: [1, 2, 3])
      change(&answer)
      testDescription = name
      body = answer.body
      self.preludeBytes = preludeBytes
    }
  }

  static let bad = [
    Bad("nothing") {
      $0.prelude = []
      $0.pack = []
      $0.ending = []
    },
    Bad("no flush-pkt") { $0.ending = [] },
    Bad("half a flush-pkt") { $0.ending = Array("00".utf8) },
    Bad("bytes behind the flush-pkt") { $0.ending += [0] },
    Bad("two flush-pkts") { $0.ending += PktLines.flush },
    Bad("a response-end-pkt") { $0.ending = Array("0002".utf8) },
    Bad("a delim-pkt in the pack") { $0.ending = Array("00010000".utf8) },
    Bad("a packet without a band") { $0.ending = Array("00040000".utf8) },
    Bad("progress") { $0.ending = PktLines.band(2, "Counting") + PktLines.flush },
    Bad("an error") { $0.ending = PktLines.band(3, "no") + PktLines.flush },
    Bad("no pkt-line") { $0.ending = Array("zzzz".utf8) },
    Bad("a cut packet") { $0.ending = Array("0009ab".utf8) },
    Bad("a changed pack") { $0.pack[13] ^= 1 },
    Bad("a changed trailer") { $0.pack[$0.pack.count - 1] ^= 1 },
    Bad("a pack that lacks its last byte") { $0.pack.removeLast() },
    Bad("a byte behind the pack") { $0.pack.append(0) },
    Bad("no pack at all") { $0.pack = [] },
    Bad("only a trailer") { $0.pack = Answer.digest([], .sha1) },
    Bad("something else with a checksum") {
      let content = Array("PUCK".utf8) + [0, 0, 0, 2, 0, 0, 0, 0]
      $0.pack = content + Answer.digest(content, .sha1)
    },
    Bad("a pack of the other object format") {
      let content = Array("PACK".utf8) + [0, 0, 0, 2, 0, 0, 0, 0]
      $0.pack = content + Answer.digest(content, .sha256)
    },
    Bad("no prelude", preludeBytes: 0) { $0.prelude = [] },
    Bad("a prelude that ends otherwise", preludeBytes: 16) { $0.prelude = PktLines.line("packfile-ur\n") },
    Bad("a flush-pkt in the prelude", preludeBytes: 17) { $0.prelude = PktLines.flush + Answer.prelude },
    Bad("a border within a packet", preludeBytes: 12) { _ in },
    Bad("a border behind the first packet", preludeBytes: 14) { _ in },
    Bad("a border behind the body", preludeBytes: 10_000) { _ in },
    Bad("a border before the body", preludeBytes: -1) { _ in },
  ]

  @Test(arguments: bad) func `a body that a client must not get is refused`(_ bad: Bad) async throws {
    try await withTemporaryFolder { folder in
      let store = try PackStore(in: folder)
      let writer = try store.makeEntry(scope: .demo)
      try writer.append(bad.body)
      let error = await #expect(throws: PackStoreError.self) {
        try await writer.commit(key: .number(1), wants: [], preludeBytes: bad.preludeBytes, trailer: .sha1)
      }
      guard case .damaged? = error else { throw TestFailure("\(error as Any)") }
      #expect(await store.find(.number(1)) == nil)
      #expect(try names(in: folder) == [])
    }
  }

  @Test(arguments: [1, 2, 19, 20, 21, 65_515]) func `packets of any size are read`(_ packetBytes: Int) async throws {
    try await withTemporaryFolder { folder in
      let store = try PackStore(in: folder)
      // More than the blocks in which the store reads.
      var answer = Answer(filler: randomBytes(packetBytes < 20 ? 200_000 : 600_000))
      answer.packetBytes = packetBytes
      // The newline is optional, and so are bytes in a packet that keeps the connection open.
      answer.prelude = PktLines.line("packfile") + PktLines.band(1, [])
      let pack = try await {
        let writer = try store.makeEntry(scope: .demo)
        try writer.append(answer.body)
        return try await writer.commit(
          key: .number(1), wants: [], preludeBytes: PktLines.line("packfile").count, trailer: .sha1)
      }()
      #expect(pack.packBytes == answer.pack.count)
      #expect(try await store.find(.number(1))?.body == answer.body)
    }
  }
}
