import EventLoop
import TLS
import Testing

@Suite(.timeLimit(.minutes(1)))
struct TransferTests {
  private func connected(
    socketBytes: CInt? = nil, _ body: (Connection) async throws -> Void
  ) async throws {
    try await Connection.open(socketBytes: socketBytes) { connection in
      try await connection.start(.trusting(), .having())
      let failures = try await connection.handshake()
      #expect(failures.client == nil)
      #expect(failures.server == nil)
      try await body(connection)
    }
  }

  private func pattern(_ count: Int, seed: Int = 0) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 &+ seed) &* 31 &+ ($0 >> 8)) }
  }

  @Test func `ten megabytes go both ways at once through tiny sockets`() async throws {
    try await connected(socketBytes: 4_096) { connection in
      let size = 10_000_000
      let up = pattern(size)
      let down = pattern(size, seed: 5)
      async let sentUp: Void = connection.client.send(up, closing: true)
      async let sentDown: Void = connection.server.send(down, closing: true)
      async let gotUp = connection.server.receive()
      let gotDown = try await connection.client.receive()
      #expect(gotDown == down)
      #expect(try await gotUp == up)
      _ = try await (sentUp, sentDown)
    }
  }

  @Test(arguments: [1, 100, 16_384, 16_385, 65_536])
  func `every size of read gets all bytes`(_ blockBytes: Int) async throws {
    try await connected { connection in
      let bytes = pattern(blockBytes == 1 ? 20_000 : 300_000)
      async let sent: Void = connection.client.send(bytes, closing: true)
      #expect(try await connection.server.receive(blockBytes: blockBytes) == bytes)
      try await sent
    }
  }

  @Test func `several records fill one buffer`() async throws {
    try await connected { connection in
      try await connection.client.send(pattern(65_536))
      #expect(try await connection.server.readOnce() == .bytes(65_536))
      #expect(try await connection.server.readOnce() == .wouldBlock)
    }
  }

  @Test func `a head and a small body are one record`() async throws {
    try await connected { connection in
      // What the server's tickets left over would be read first.
      try await connection.server.send([0])
      _ = try await connection.client.receive(1)
      #expect(try await connection.client.send(gathering: [pattern(200), pattern(1_000, seed: 3)]) == 1)
      let record = try await connection.server.receivePlain(5)
      // Header, content, content type, tag (RFC 8446, 5.2).
      #expect(Int(record[3]) << 8 + Int(record[4]) == 1_200 + 1 + 16)
    }
  }

  @Test(arguments: [nil, 4_096] as [CInt?])
  func `gathered pieces of all sizes arrive in order`(_ socketBytes: CInt?) async throws {
    try await connected(socketBytes: socketBytes) { connection in
      var pieces: [[UInt8]] = []
      for index in 0..<GatherList.capacity {
        pieces.append(pattern([3, 70_000, 2, 16_383, 0, 16_384, 9_000, 9_000][index % 8], seed: index))
      }
      let expected = Array(pieces.joined())
      let sending = pieces
      async let sent = connection.client.send(gathering: sending)
      #expect(try await connection.server.receive(expected.count) == expected)
      _ = try await sent
    }
  }

  @Test func `a part of a record does not wake a reader for nothing`() async throws {
    try await Connection.open { connection in
      try await connection.start(.trusting(), .having())
      #expect(try await connection.handshake().client == nil)
      // A record header that promises more than comes.
      try await connection.client.sendPlain([23, 3, 3, 0, 100, 1, 2, 3])
      await #expect(throws: TLSError(.timedOut, peer: "the client")) {
        try await connection.server.receive(1, idle: .milliseconds(30))
      }
    }
  }
}
