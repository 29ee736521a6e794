import EventLoop
import GatewayTestSupport
import HTTPCore
import HTTPTransport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ClientTests {
  @Test func `a request goes out with its body and the answer comes whole`() async throws {
    try await Upstream.with { upstream in
      let body = [UInt8](repeating: 0x61, count: 200_000)
      let answer = upstream.ask("/x?y", body: body)
      let peer = await upstream.listening.next()
      let request = try await peer.receiveMessage()
      #expect(
        request.head
          == "POST /x?y HTTP/1.1\r\ncontent-length: 200000\r\nhost: \(upstream.origin.authority)\r\n\r\n")
      #expect(request.body.utf8.count == 200_000)
      try await peer.send("HTTP/1.1 201 Created\r\nlocation: /z\r\ntransfer-encoding: chunked\r\n\r\n")
      for _ in 0..<100 { try await peer.send("a;b\r\n0123456789\r\n") }
      try await peer.send("0\r\n\r\n")
      let response = try await answer.value.get()
      #expect(response.status == 201 && response.fields["location"] == "/z")
      #expect(response.body.count == 1_000)
    }
  }

  @Test func `a connection that proves dead is replaced once`() async throws {
    try await Upstream.with { upstream in
      let stale = try await upstream.warmUp()
      let answer = upstream.ask("/again", body: [1, 2, 3])
      _ = try await stale.receiveMessage()
      stale.close()
      let fresh = await upstream.listening.next()
      #expect(try await fresh.receiveMessage().head.hasPrefix("POST /again "))
      try await fresh.send(Upstream.hello)
      #expect(await answer.value.text == "hello")
    }
  }

  @Test func `a request that may not be sent twice is not`() async throws {
    try await Upstream.with { upstream in
      let stale = try await upstream.warmUp()
      let answer = upstream.ask(isReplayable: false)
      _ = try await stale.receiveHead()
      stale.close()
      #expect(await answer.value.error == .peerClosed)
      #expect(upstream.listening.acceptedCount == 1)
    }
  }

  @Test func `a new connection that fails is not replaced`() async throws {
    try await Upstream.with { upstream in
      let first = upstream.ask()
      try await upstream.accept().close()
      #expect(await first.value.error == .peerClosed)
      // Nor is the one that replaced a stale one.
      let stale = try await upstream.warmUp()
      let second = upstream.ask()
      _ = try await stale.receiveHead()
      stale.close()
      try await upstream.accept().close()
      #expect(await second.value.error == .peerClosed)
      #expect(upstream.listening.acceptedCount == 3)
    }
  }

  /// Answers on a connection that was used before. A byte of an answer has come, so the request has been seen.
  @Test(arguments: [
    "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nbroken\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n" + String(repeating: "x", count: 1_100_000),
  ])
  func `a request that was answered in part is not sent again`(_ answer: String) async throws {
    try await Upstream.with { upstream in
      let peer = try await upstream.warmUp()
      let asked = upstream.ask()
      _ = try await peer.receiveHead()
      try? await peer.send(answer)
      peer.close()
      // Should the request come again, it is answered, so that the test ends.
      let again = Task(executorPreference: upstream.loop) { [upstream = LoopBound(upstream)] in
        try await upstream.value.accept().send(Upstream.hello)
      }
      let end = await asked.value
      #expect(end.error != nil)
      #expect(upstream.listening.acceptedCount == 1)
      (try await Peer.connect(to: upstream.listening.address, on: upstream.loop)).close()
      _ = await again.result
    }
  }

  @Test func `silence is a time-out, and is not sent again`() async throws {
    try await Upstream.with { upstream in
      let peer = try await upstream.warmUp()
      let answer = upstream.ask(firstByte: .milliseconds(30))
      #expect(await answer.value.error == .timedOut)
      _ = try await peer.receiveHead()
      #expect(try await peer.receiveEnd())
      #expect(upstream.listening.acceptedCount == 1)
    }
  }

  @Test func `1xx responses are passed over`() async throws {
    try await Upstream.with { upstream in
      let answer = upstream.ask()
      let peer = try await upstream.accept()
      let informational = ["100 Continue", "102 Processing", "103 Early Hints\r\nlink: </a>"]
      for status in informational { try await peer.send("HTTP/1.1 \(status)\r\n\r\n") }
      try await peer.send(Upstream.hello)
      #expect(await answer.value.text == "hello")
      #expect(upstream.pool.idleCount == 1)
    }
  }

  @Test(arguments: [
    "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
    String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 9) + Upstream.hello,
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
    "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "SSH-2.0-OpenSSH\r\n\r\n",
    "HTTP/1.1 200 OK\r\nx: " + String(repeating: "x", count: 20_000) + "\r\n\r\n",
  ])
  func `an answer that breaks the rules is refused`(_ response: String) async throws {
    try await Upstream.with { upstream in
      let answer = upstream.ask()
      let peer = try await upstream.accept()
      try await peer.send(response)
      guard case .malformed = await answer.value.error else {
        Issue.record("\(await answer.value)")
        return
      }
      #expect(upstream.pool.idleCount == 0)
      #expect(try await peer.receiveEnd())
    }
  }

  @Test(arguments: [
    "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 10", "",
  ])
  func `an answer that is cut is told`(_ response: String) async throws {
    try await Upstream.with { upstream in
      let answer = upstream.ask()
      let peer = try await upstream.accept()
      try await peer.send(response)
      peer.close()
      #expect(await answer.value.error == .peerClosed)
      #expect(upstream.pool.idleCount == 0)
    }
  }

  @Test func `an answer beyond the limit is not read on`() async throws {
    try await Upstream.with { upstream in
      for (count, isTaken) in [(100, true), (101, false)] {
        let answer = upstream.ask(limit: 100)
        let peer = try await upstream.accept()
        try await peer.send(
          "HTTP/1.1 200 OK\r\ncontent-length: \(count)\r\nconnection: close\r\n\r\n"
            + String(repeating: "x", count: count))
        #expect(await answer.value.error == (isTaken ? nil : .tooLong(limit: 100)))
      }
    }
  }

  @Test func `a port where nobody listens and a host that is not are told`() async throws {
    try await Upstream.with { upstream in
      let refused = Origin(isSecure: false, host: "127.0.0.1", port: 1)
      await #expect(throws: TransportError.connect(.failed(SystemError("connect", 111), address: .refusing))) {
        try await upstream.pool.connection(to: refused).close()
      }
      let nowhere = Origin(isSecure: false, host: "a..b", port: 1)
      let error = await #expect(throws: TransportError.self) { try await upstream.pool.connection(to: nowhere).close() }
      guard case .resolution = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }
}
