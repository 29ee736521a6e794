import EventLoop
import TLS
import Testing

@Suite(.timeLimit(.minutes(1)))
struct EndOfStreamTests {
  private func connected(_ body: (Connection) async throws -> Void) async throws {
    try await Connection.open { connection in
      try await connection.start(.trusting(), .having())
      #expect(try await connection.handshake().client == nil)
      try await body(connection)
    }
  }

  @Test func `close_notify is the end of the stream`() async throws {
    try await connected { connection in
      try await connection.client.send([1, 2, 3])
      try await connection.client.closeWriting()
      #expect(try await connection.server.receive() == [1, 2, 3])
      #expect(try await connection.server.readOnce() == .endOfStream)
      // The other direction goes on.
      try await connection.server.send([4])
      #expect(try await connection.client.receive(1) == [4])
    }
  }

  @Test func `an end without close_notify is an error, again and again`() async throws {
    try await connected { connection in
      try await connection.client.send([1, 2, 3])
      try await connection.client.cutWriting()
      #expect(try await connection.server.receive(3) == [1, 2, 3])
      for _ in 0..<3 {
        await #expect(throws: TLSError(.truncated, peer: "the client")) { try await connection.server.receive() }
      }
    }
  }

  @Test func `a record that was tampered with is an error`() async throws {
    try await connected { connection in
      try await connection.client.sendPlain([23, 3, 3, 0, 20] + [UInt8](repeating: 9, count: 20))
      let error = await #expect(throws: TLSError.self) { try await connection.server.receive() }
      #expect(error?.description.contains("bad record mac") == true)
    }
  }

  @Test func `after closing every call says so`() async throws {
    try await connected { connection in
      try await connection.client.closeWriting()
      await #expect(throws: TLSError(.closed, peer: "server.test")) { try await connection.client.send([1]) }
    }
  }
}
