import EventLoop
import GatewayTestSupport
import HTTPCore
import HTTPTransport
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1)))
struct FailureTests {
  @Test(arguments: [
    ("GARBAGE\r\n\r\n", 400), ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\nHost: a\n\n", 400),
    ("\r\n\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405), ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417),
    ("GET /" + String(repeating: "x", count: 9_000) + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: 17_000) + "\r\n\r\n", 431),
  ])
  func `a request that is none is told its status, and the connection ends`(_ request: String, _ status: Int)
    async throws
  {
    try await withServer { running in
      let peer = try await running.connect()
      defer { peer.close() }
      try await peer.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n" + request + "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(try await peer.receiveMessage().body == "hello")
      let answer = try await peer.receiveMessage()
      #expect(answer.head.hasPrefix("HTTP/1.1 \(status) "))
      #expect(answer.head.contains("connection: close\r\n"))
      #expect(answer.head.contains("allow: ") == (status == 405))
      #expect(answer.body.hasSuffix("\n"))
      #expect(try await peer.receiveEnd())
    }
  }

  @Test(arguments: [
    ("\u{16}\u{3}\u{1}\u{2}", "TLS"), ("SSH-2.0-OpenSSH_9.2p1", "SSH"), ("SSH-2.0-OpenSSH_9.2p1\r\n", "SSH"),
  ])
  func `another protocol gets a hint at once`(_ greeting: String, _ name: String) async throws {
    try await withServer { running in
      let peer = try await running.connect()
      defer { peer.close() }
      try await peer.send(greeting)
      let answer = try await peer.receiveMessage()
      #expect(answer.head.hasPrefix("HTTP/1.1 400 "))
      #expect(answer.body.contains(name) && answer.body.contains("http://"))
      #expect(try await peer.receiveEnd())
    }
  }

  @Test func `up to two empty lines are passed over, wherever they are split`() async throws {
    try await withServer { running in
      let hello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
      let text = "\r\n\r\n" + hello + "\r\n" + hello + hello
      for split in 0...text.utf8.count {
        let peer = try await running.connect()
        defer { peer.close() }
        try await peer.send(Array(text.utf8.prefix(split)))
        await running.loop.yield()
        try await peer.send(Array(text.utf8.dropFirst(split)))
        for _ in 0..<3 { #expect(try await peer.receiveMessage().body == "hello", "split at \(split)") }
      }
    }
  }

  @Test(arguments: ["\r\n\r\n\r\n", "\r\nGET / HTTP/1.1\n", "\n", "\r\r\n", " \r\n"])
  func `what is no empty line, or one too many, is 400`(_ text: String) async throws {
    try await withServer { running in
      let answer = try await running.ask(text + "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(answer.hasPrefix("HTTP/1.1 400 "))
      #expect(!answer.contains("HTTP/1.1 200"))
    }
  }

  @Test(arguments: [("x\r\n", "chunk size"), ("5\n", "chunk size"), ("1\r\nab", "CRLF"), ("5;\0\r\n", "extension")])
  func `a broken chunk is the client's fault`(_ chunk: String, _ says: String) async throws {
    try await withServer { running in
      let answer = try await running.ask(
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
      #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains("connection: close\r\n"))
      #expect(answer.contains(says))
    }
  }

  @Test func `a slow head is 408`() async throws {
    var timeouts = Timeouts()
    timeouts.head = .milliseconds(500)
    try await withServer(timeouts: timeouts) { running in
      let peer = try await running.connect()
      defer { peer.close() }
      // The time is the whole head's: bytes that trickle in do not prolong it. Another client's requests set their pace.
      let trickle = Task(executorPreference: running.loop) { [peer = LoopBound(peer)] in
        for byte in "GET /hello HTTP/1.1\r\nX: \(String(repeating: "x", count: 10_000))".utf8 {
          do { try await peer.value.send([byte]) } catch { return }
          guard !Task.isCancelled, (try? await running.ask("BAD\r\n\r\n")) != nil else { return }
        }
      }
      let answer = try await peer.receiveMessage()
      #expect(answer.head.hasPrefix("HTTP/1.1 408 Request Timeout\r\n"))
      trickle.cancel()
      await trickle.value
    }
  }

  /// One of them is longer than a connection waits before it rests.
  @Test(arguments: [50, 600]) func `a connection on which nothing comes is closed without a word`(patience: Int)
    async throws
  {
    var timeouts = Timeouts()
    timeouts.head = .milliseconds(50)
    timeouts.keepAlive = .milliseconds(patience)
    try await withServer(timeouts: timeouts) { running in
      #expect(try await running.ask("") == "")
      let peer = try await running.connect()
      defer { peer.close() }
      try await peer.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
      _ = try await peer.receiveMessage()
      #expect(try await peer.receiveToEnd() == "")
    }
  }

  @Test func `a connection that has rested serves on`() async throws {
    var timeouts = Timeouts()
    timeouts.head = .milliseconds(400)
    try await withServer(timeouts: timeouts) { running in
      let peer = try await running.connect()
      defer { peer.close() }
      for _ in 0..<2 {
        try await peer.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try await peer.receiveMessage().head.hasPrefix("HTTP/1.1 200 "))
        // Another one that says nothing is closed after a time in which the first has gone to rest.
        #expect(try await running.ask("") == "")
      }
    }
  }

  @Test(arguments: ["/nothing", "/throws"])
  func `a handler that does not answer is a 500`(_ path: String) async throws {
    try await withServer { running in
      let answer = try await running.ask("GET \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      #expect(answer.hasPrefix("HTTP/1.1 500 Internal Server Error\r\n"))
    }
  }

  @Test func `a response that is not ended as it was begun is seen to be cut`() async throws {
    try await withServer { running in
      let peer = try await running.connect()
      defer { peer.close() }
      try await peer.send("GET /short HTTP/1.1\r\nHost: a\r\n\r\n")
      await #expect(throws: ChannelError.self) { while try await !peer.receive(1).isEmpty {} }
    }
  }

  @Test func `a body that does not come is a time-out`() async throws {
    var timeouts = Timeouts()
    timeouts.idle = .milliseconds(50)
    timeouts.linger = .milliseconds(50)
    try await withServer(timeouts: timeouts) { running in
      let answer = try await running.ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na")
      #expect(answer.hasPrefix("HTTP/1.1 408 ") && answer.contains("connection: close\r\n"))
    }
  }

  @Test func `a client that does not read its response is a time-out`() async throws {
    var timeouts = Timeouts()
    timeouts.idle = .milliseconds(50)
    let end = Mutex<TransportError?>(nil)
    let ended = Event()
    try await withServer(timeouts: timeouts) { exchange in
      try await exchange.start(status: 200, fields: .init(), length: nil)
      do throws(TransportError) {
        while true { try await exchange.write([UInt8](repeating: 0, count: 65_536)) }
      } catch {
        end.withLock { $0 = error }
        ended.happen()
        throw error
      }
    } _: { running in
      let peer = try await running.connect()
      defer { peer.close() }
      try await peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      await ended.wait()
      #expect(end.withLock { $0 } == .timedOut)
    }
  }

  @Test func `connections beyond the limit are closed as they come`() async throws {
    try await withServer(maxConnections: 2) { running in
      let first = try await running.connect()
      let second = try await running.connect()
      for peer in [first, second] {
        try await peer.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try await peer.receiveMessage().body == "hello")
      }
      let third = try await running.connect()
      #expect(try await third.receiveEnd())
      #expect(running.server.connectionCount == 2)
      // There is room again.
      first.close()
      while running.server.connectionCount > 1 { await running.loop.yield() }
      let fourth = try await running.connect()
      try await fourth.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(try await fourth.receiveMessage().body == "hello")
      for peer in [second, third, fourth] { peer.close() }
    }
  }

  @Test func `a client that breaks off is told to the handler`() async throws {
    let begun = Event()
    let gone = Event()
    try await withServer { exchange in
      exchange.onClientGone = { gone.happen() }
      begun.happen()
      await gone.wait()
    } _: { running in
      let peer = try await running.connect()
      try await peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      await begun.wait()
      peer.reset()
      await gone.wait()
    }
  }

  @Test func `a client that broke off before the handler could ask is told, too`() async throws {
    let path = "/tmp/transport-tests.\(UInt64.random(in: 0...UInt64.max))"
    let mayAsk = Event()
    let begun = Event()
    let gone = Event()
    try await withServer(address: .unix(path)) { exchange in
      begun.happen()
      await mayAsk.wait()
      exchange.onClientGone = { gone.happen() }
      await gone.wait()
    } _: { running in
      let peer = try await running.connect()
      try await peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      await begun.wait()
      peer.close()
      // One more connection is served, so the loop has seen the other's end.
      let second = try await running.connect()
      try await second.send("BAD\r\n\r\n")
      _ = try await second.receiveToEnd()
      second.close()
      mayAsk.happen()
      await gone.wait()
    }
  }
}
