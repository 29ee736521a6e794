import EventLoop
import GatewayTestSupport
import HTTPCore
import HTTPTransport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ExchangeTests {
  @Test func `requests follow one another on a connection`() async throws {
    try await withServer { running in
      let peer = try await running.connect()
      defer { peer.close() }
      for _ in 0..<5 {
        try await peer.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        let answer = try await peer.receiveMessage()
        #expect(answer.head == "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
        #expect(answer.body == "hello")
      }
      #expect(running.server.connectionCount == 1)
    }
  }

  @Test func `a request is read however it is cut`() async throws {
    try await withServer { running in
      let peer = try await running.connect()
      defer { peer.close() }
      let request = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
      for byte in request.utf8 {
        try await peer.send([byte])
        await running.loop.yield()
      }
      #expect(try await peer.receiveMessage().body == "abc")
    }
  }

  @Test func `pipelined requests are answered in order`() async throws {
    try await withServer { running in
      let peer = try await running.connect()
      defer { peer.close() }
      var requests = ""
      for number in 0..<50 {
        requests += "GET /target?\(number) HTTP/1.1\r\nHost: a\r\n\r\n"
        requests += "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nbody\(number % 10)"
        requests += "POST /hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
      }
      try await peer.send(requests)
      for number in 0..<50 {
        #expect(try await peer.receiveMessage().body == "/target?\(number)")
        #expect(try await peer.receiveMessage().body == "body\(number % 10)")
        #expect(try await peer.receiveMessage().body == "hello")
      }
    }
  }

  @Test func `a client that wants to close gets its wish`() async throws {
    try await withServer { running in
      let answer = try await running.ask("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      #expect(answer == "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello")
    }
  }

  @Test func `HTTP,1,0 closes unless asked to stay`() async throws {
    try await withServer { running in
      let closed = try await running.ask("GET /hello HTTP/1.0\r\n\r\n")
      #expect(closed == "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello")
      let peer = try await running.connect()
      defer { peer.close() }
      for _ in 0..<2 {
        try await peer.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(try await peer.receiveMessage().head.contains("connection: keep-alive\r\n"))
      }
    }
  }

  @Test func `a body of unknown length goes in chunks, or to the end of the connection`() async throws {
    try await withServer { running in
      let chunked = try await running.ask("GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      #expect(chunked.contains("transfer-encoding: chunked\r\n"))
      #expect(chunked.hasSuffix("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"))
      let plain = try await running.ask("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
      #expect(plain == "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\nonetwothree")
    }
  }

  @Test(arguments: ["/hello", "/stream", "/empty"])
  func `HEAD gets the head alone`(_ path: String) async throws {
    try await withServer { running in
      let peer = try await running.connect()
      defer { peer.close() }
      try await peer.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
      let expected = try await peer.receiveHead()
      if path == "/hello" { _ = try await peer.receive(5) }
      if path == "/stream" { _ = try await peer.receive(31) }
      for _ in 0..<2 {
        try await peer.send("HEAD \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try await peer.receiveHead() == expected)
      }
    }
  }

  @Test func `a response that has no body says nothing of one`() async throws {
    let handler: @Sendable (ServerExchange) async throws -> Void = { exchange in
      let status = Int(exchange.request.path.dropFirst()) ?? 0
      exchange.start(status: status, length: nil) { _ in }
    }
    try await withServer(handler: handler) { running in
      let peer = try await running.connect()
      defer { peer.close() }
      for status in [204, 304, 204] {
        try await peer.send("GET /\(status) HTTP/1.1\r\nHost: a\r\n\r\n")
        let head = try await peer.receiveHead()
        #expect(head.hasPrefix("HTTP/1.1 \(status) "))
        #expect(!head.contains("transfer-encoding") && !head.contains("content-length"))
      }
    }
  }

  @Test(arguments: [
    "Content-Length: 11\r\n\r\nhello world",
    "Transfer-Encoding: chunked\r\n\r\n6;x=y\r\nhello \r\n5\r\nworld\r\n0\r\nA: b\r\n\r\n",
  ])
  func `a request body is read whole`(_ body: String) async throws {
    try await withServer { running in
      let answer = try await running.ask("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\(body)")
      #expect(answer.hasSuffix("\r\n\r\nhello world"))
    }
  }

  @Test func `megabytes go in and out`() async throws {
    let handler: @Sendable (ServerExchange) async throws -> Void = { exchange in
      try await exchange.start(status: 200, fields: .init(), length: nil)
      let list = GatherList()
      while try await exchange.readBody(into: list) {
        try await exchange.write(list, isLast: exchange.isBodyRead)
        if exchange.isFinished { return }
      }
    }
    try await withServer(handler: handler) { running in
      let peer = LoopBound(try await running.connect())
      defer { peer.value.close() }
      let text = String(repeating: "0123456789abcdef", count: 200_000)
      async let sent: Void = peer.value.send(
        "POST / HTTP/1.0\r\nContent-Length: \(text.utf8.count)\r\n\r\n" + text)
      _ = try await peer.value.receiveHead()
      #expect(try await peer.value.receiveToEnd() == text)
      try await sent
    }
  }

  @Test func `a client that has closed its side gets its answer`() async throws {
    try await withServer { running in
      let peer = try await running.connect()
      defer { peer.close() }
      try await peer.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
      peer.channel.closeWriting()
      #expect(try await peer.receiveToEnd().hasSuffix("\r\n\r\nabc"))
    }
  }

  @Test func `a client that waits to be let on is let on once`() async throws {
    try await withServer { running in
      let peer = try await running.connect()
      defer { peer.close() }
      for _ in 0..<2 {
        try await peer.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        #expect(try await peer.receiveHead() == "HTTP/1.1 100 Continue\r\n\r\n")
        try await peer.send("abc")
        #expect(try await peer.receiveMessage().body == "abc")
      }
    }
  }

  @Test func `a client that waits to be let on and is refused sees the end`() async throws {
    try await withServer { running in
      let peer = try await running.connect()
      defer { peer.close() }
      try await peer.send("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
      let answer = try await peer.receiveToEnd()
      #expect(answer.hasPrefix("HTTP/1.1 404 Not Found\r\n") && answer.contains("connection: close\r\n"))
    }
  }

  @Test func `a client that does not wait to be let on is not told to go on`() async throws {
    try await withServer { running in
      let answer = try await running.ask(
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc")
      #expect(answer.hasPrefix("HTTP/1.1 ") && answer.hasSuffix("\r\n\r\nabc"))
    }
  }

  @Test func `a client that closes its sending side and listens gets its response, however late`() async throws {
    let gate = Gate()
    try await withServer(handler: { exchange in
      exchange.onClientGone = { Issue.record("the client listens") }
      await gate.wait()
      try await exchange.respond(status: 200, body: Array("late".utf8))
    }) { server in
      let peer = try await server.connect()
      defer { peer.close() }
      try await peer.send("GET /late HTTP/1.1\r\nHost: test\r\n\r\n")
      peer.channel.closeWriting()
      // Asked whether it is still there, it passes over that.
      #expect(try await peer.receiveHead() == "HTTP/1.1 100 Continue\r\n\r\n")
      gate.open()
      let rest = try await peer.receiveToEnd()
      #expect(rest.hasPrefix("HTTP/1.1 200 ") && rest.hasSuffix("late"))
    }
  }

  @Test func `a client that closes while nothing comes is noticed`() async throws {
    let (arrived, gone) = (Gate(), Gate())
    try await withServer(handler: { exchange in
      exchange.onClientGone = { gone.open() }
      arrived.open()
      await gone.wait()
    }) { server in
      let peer = try await server.connect()
      try await peer.send("GET /late HTTP/1.1\r\nHost: test\r\n\r\n")
      await arrived.wait()
      peer.close()
      await gone.wait()
    }
  }

  @Test func `a handler that watches a client twice leaves nothing behind`() async throws {
    let probed = Gate()
    try await withServer(handler: { exchange in
      if exchange.request.path == "/watch" {
        exchange.onClientGone = {}
        await probed.wait()
        for _ in 0..<3 { exchange.onClientGone = {} }
      }
      try await exchange.respond(status: 200)
    }) { server in
      let peer = try await server.connect()
      try await peer.send("GET /watch HTTP/1.1\r\nHost: test\r\n\r\n")
      peer.channel.closeWriting()
      #expect(try await peer.receiveHead() == "HTTP/1.1 100 Continue\r\n\r\n")
      probed.open()
      _ = try await peer.receiveToEnd()
      peer.close()
      // An idle connection holds the drain up for as long as a client would have been left alone.
      let idle = try await server.connect()
      try await idle.send("GET /idle HTTP/1.1\r\nHost: test\r\n\r\n")
      _ = try await idle.receiveHead()
      #expect(await server.server.drain(timeout: .seconds(20)) == 0)
      idle.close()
    }
  }
}
