import EventLoop
import TLS
import Testing

@Suite(.timeLimit(.minutes(1)))
struct HandshakeTests {
  @Test func `both ends agree on a protocol and echo`() async throws {
    try await Connection.open { connection in
      try await connection.start(
        .trusting(protocols: ["http/1.1", "h2"]), .having(protocols: ["h2", "http/1.1"]))
      let failures = try await connection.handshake()
      #expect(failures.client == nil)
      #expect(failures.server == nil)
      #expect(await connection.client.protocolVersion == "TLSv1.3")
      // The server's order decides.
      #expect(await connection.client.negotiatedProtocol == "h2")
      #expect(await connection.server.negotiatedProtocol == "h2")
      try await connection.client.send(Array("hello".utf8))
      let heard = try await connection.server.receive(5)
      try await connection.server.send(heard)
      #expect(try await connection.client.receive(5) == Array("hello".utf8))
    }
  }

  @Test func `without ALPN there is no protocol`() async throws {
    try await Connection.open { connection in
      try await connection.start(.trusting(), .having(protocols: ["h2"]))
      #expect(try await connection.handshake().client == nil)
      #expect(await connection.client.negotiatedProtocol == nil)
    }
  }

  @Test func `a client that speaks none of the protocols is refused`() async throws {
    try await Connection.open { connection in
      try await connection.start(.trusting(protocols: ["h2"]), .having(protocols: ["http/1.1"]))
      let failures = try await connection.handshake()
      #expect(failures.client?.description.contains("no application protocol") == true)
      #expect(failures.server?.description.contains("TLS with the client") == true)
    }
  }

  @Test func `garbage instead of a handshake is told with OpenSSL's reason`() async throws {
    try await Connection.open { connection in
      try await connection.server.startServer(.having())
      try await connection.client.sendPlain(Array("GET / HTTP/1.1\r\n\r\n".utf8))
      let failure = try await connection.server.handshake()
      #expect(failure?.description.contains("http request") == true)
      guard case .handshake = failure?.kind else {
        Issue.record("\(String(describing: failure))")
        return
      }
    }
  }

  @Test func `TLS 1,1 is refused`() async throws {
    try await Connection.open { connection in
      try await connection.server.startServer(.having())
      // A ClientHello of version 3.2 with two cipher suites and no extensions (RFC 4346, 7.4.1.2).
      let hello: [UInt8] = [3, 2] + [UInt8](repeating: 7, count: 32) + [0, 0, 4, 0xc0, 0x13, 0, 0x2f, 1, 0]
      let message: [UInt8] = [1, 0, 0, UInt8(hello.count)] + hello
      try await connection.client.sendPlain([22, 3, 1, 0, UInt8(message.count)] + message)
      let failure = try await connection.server.handshake()
      #expect(failure?.description.contains("unsupported protocol") == true)
    }
  }

  @Test func `a silent peer runs into the time-out`() async throws {
    try await Connection.open { connection in
      try await connection.client.startClient(.trusting(), name: "server.test", key: "")
      let failure = try await connection.client.handshake(timeout: .milliseconds(30))
      #expect(failure == TLSError(.timedOut, peer: "server.test"))
    }
  }

  @Test func `a peer that hangs up is told as a failed handshake`() async throws {
    try await Connection.open { connection in
      try await connection.client.startClient(.trusting(), name: "server.test", key: "")
      await connection.server.close()
      let failure = try await connection.client.handshake()
      #expect(failure != nil)
    }
  }

  @Test func `closing wakes a handshake that waits`() async throws {
    try await Connection.open { connection in
      try await connection.client.startClient(.trusting(), name: "server.test", key: "")
      async let failure = connection.client.handshake()
      // The ClientHello is out, so the client waits by now or has not begun to.
      _ = try await connection.server.receivePlain(1)
      await connection.client.close()
      #expect(try await failure?.kind == .closed)
    }
  }
}
