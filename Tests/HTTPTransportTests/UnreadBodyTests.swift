import EventLoop
import GatewayTestSupport
import HTTPTransport
import Testing

/// Requests whose body the handler does not read.
@Suite(.timeLimit(.minutes(1)))
struct UnreadBodyTests {
  private let request = "POST /hello HTTP/1.1\r\nHost: a\r\n"

  @Test func `a body that nobody reads is passed over`() async throws {
    try await withServer { [request] running in
      let peer = try await running.connect()
      defer { peer.close() }
      let body = String(repeating: "x", count: 300_000)
      for _ in 0..<3 {
        try await peer.send("\(request)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        #expect(try await peer.receiveMessage().body == "hello")
      }
    }
  }

  @Test func `the answer comes while the client still sends`() async throws {
    try await withServer { [request] running in
      let peer = try await running.connect()
      defer { peer.close() }
      try await peer.send("\(request)Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
      #expect(try await peer.receiveMessage().body == "hello")
      try await peer.send("5\r\nworld\r\n0\r\n\r\n" + "GET /target HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(try await peer.receiveMessage().body == "/target")
    }
  }

  @Test func `an answer that closes reaches a client that still sends`() async throws {
    try await withServer { [request] running in
      let peer = try await running.connect()
      defer { peer.close() }
      try await peer.send("\(request)Connection: close\r\nContent-Length: 1000000\r\n\r\nbegin")
      // The server has closed its side; what is sent now must not reset the connection under the answer.
      try await peer.send(String(repeating: "x", count: 200_000))
      #expect(try await peer.receiveToEnd().hasSuffix("connection: close\r\n\r\nhello"))
    }
  }

  @Test(arguments: [
    "POST /hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n", "BAD\r\n\r\n",
  ])
  func `a client that never ends is not listened to for ever`(_ head: String) async throws {
    var timeouts = Timeouts()
    timeouts.linger = .milliseconds(100)
    try await withServer(timeouts: timeouts) { running in
      let peer = try await running.connect()
      defer { peer.close() }
      try await peer.send(head)
      // Sends a byte again and again, never long enough apart for an idle time-out.
      await #expect(throws: ChannelError.self) {
        while true {
          try await peer.send("1\r\nx\r\n")
          await withUnsafeContinuation { done in
            Deadline(on: running.loop) { done.resume() }.set(after: .milliseconds(10))
          }
        }
      }
    }
  }

  @Test func `a broken body ends the connection behind its answer`() async throws {
    try await withServer { [request] running in
      // The second part would be a whole body and a request to whoever lost his place.
      let answer = try await running.ask(
        "\(request)Transfer-Encoding: chunked\r\n\r\n8\r\n0\r\n\r\nGET\r\nxyz\r\n\r\nGET /target HTTP/1.1\r\nHost: a\r\n\r\n"
      )
      #expect(answer.hasSuffix("hello"))
      #expect(!answer.contains("/target"))
    }
  }
}
