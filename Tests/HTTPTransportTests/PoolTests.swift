import EventLoop
import GatewayTestSupport
import HTTPCore
import HTTPTransport
import TLS
import Testing

@Suite(.timeLimit(.minutes(1)))
struct PoolTests {
  @Test func `a connection is used again`() async throws {
    try await Upstream.with { upstream in
      let peer = try await upstream.warmUp()
      #expect(upstream.pool.idleCount == 1)
      for number in 0..<5 {
        let answer = upstream.ask("/\(number)")
        let head = try await peer.receiveHead()
        #expect(head == "GET /\(number) HTTP/1.1\r\nhost: \(upstream.origin.authority)\r\n\r\n")
        #expect(upstream.pool.idleCount == 0)
        try await peer.send(Upstream.hello)
        #expect(await answer.value.text == "hello")
      }
      #expect(upstream.listening.acceptedCount == 1)
    }
  }

  @Test func `what came back last goes out first`() async throws {
    try await Upstream.with { upstream in
      let first = upstream.ask()
      let firstPeer = try await upstream.accept()
      let second = upstream.ask()
      let secondPeer = try await upstream.accept()
      try await secondPeer.send(Upstream.hello)
      _ = await second.value
      try await firstPeer.send(Upstream.hello)
      _ = await first.value
      #expect(upstream.pool.idleCount == 2)
      let third = upstream.ask("/third")
      #expect(try await firstPeer.receiveHead().hasPrefix("GET /third "))
      let fourth = upstream.ask("/fourth")
      #expect(try await secondPeer.receiveHead().hasPrefix("GET /fourth "))
      for peer in [firstPeer, secondPeer] { try await peer.send(Upstream.hello) }
      #expect(await third.value.text == "hello")
      #expect(await fourth.value.text == "hello")
    }
  }

  @Test(arguments: [
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello\r\n", "HTTP/1.1 204 No Content\r\n\r\nx",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nx",
  ])
  func `a response with more bytes than it has is none, and its connection is dropped`(_ response: String) async throws
  {
    try await Upstream.with { upstream in
      let answer = upstream.ask()
      let peer = try await upstream.accept()
      try await peer.send(response)
      #expect(await answer.value.error == .malformed(HTTPParseError("more bytes than the response has")))
      #expect(upstream.pool.idleCount == 0)
      #expect(try await peer.receiveEnd())
    }
  }

  /// What an exchange must have been for its connection to carry another.
  @Test(arguments: [
    ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", true),
    ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", true),
    ("HTTP/1.1 204 No Content\r\n\r\n", true),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", true),
    ("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n", true),
    ("HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", false),
    ("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello", false),
  ])
  func `a connection is kept if nothing speaks against it`(_ response: String, _ isKept: Bool) async throws {
    try await Upstream.with { upstream in
      let answer = upstream.ask()
      let peer = try await upstream.accept()
      try await peer.send(response)
      #expect(await answer.value.error == nil)
      #expect(upstream.pool.idleCount == (isKept ? 1 : 0))
      if !isKept { #expect(try await peer.receiveEnd()) }
    }
  }

  @Test func `a body without framing ends with the connection, which is not kept`() async throws {
    try await Upstream.with { upstream in
      let answer = upstream.ask()
      let peer = try await upstream.accept()
      try await peer.send("HTTP/1.1 200 OK\r\n\r\nhello")
      peer.close()
      #expect(await answer.value.text == "hello")
      #expect(upstream.pool.idleCount == 0)
    }
  }

  @Test func `a body that is not read to its end is the end of the connection`() async throws {
    try await Upstream.with { upstream in
      let pool = upstream.pool
      let connection = try await pool.connect(to: upstream.origin)
      connection.send(.get, "/", .none) { $0.append(.host, "a") }
      try await connection.flush(idle: .seconds(20))
      let peer = try await upstream.accept()
      try await peer.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello")
      let head = try await connection.receiveHead(to: .get, firstByte: .seconds(20), rest: .seconds(20))
      #expect(head.framing == .length(10))
      #expect(try await connection.readBody(into: connection.pieces, idle: .seconds(20)))
      #expect(!connection.isBodyRead)
      pool.give(connection)
      #expect(pool.idleCount == 0 && !connection.isOpen)
      #expect(try await peer.receiveEnd())
    }
  }

  @Test func `a request that is not written to its end is the end of the connection`() async throws {
    try await Upstream.with { upstream in
      let connection = try await upstream.pool.connect(to: upstream.origin)
      connection.send(.post, "/", .chunked) { $0.append(.host, "a") }
      try await connection.flush(idle: .seconds(20))
      let peer = await upstream.listening.next()
      #expect(try await peer.receiveHead().contains("transfer-encoding: chunked\r\n"))
      #expect(try await !connection.responseBegins(within: .milliseconds(10)))
      // The answer comes early.
      try await peer.send("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
      #expect(try await connection.responseBegins(within: .seconds(20)))
      let head = try await connection.receiveHead(to: .post, firstByte: .seconds(20), rest: .seconds(20))
      #expect(head.status == 403 && connection.isBodyRead)
      upstream.pool.give(connection)
      #expect(upstream.pool.idleCount == 0)
    }
  }

  @Test(arguments: ["", "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"])
  func `a connection that ended while idle is not taken`(_ farewell: String) async throws {
    try await Upstream.with { upstream in
      let peer = try await upstream.warmUp()
      try await peer.send(farewell)
      peer.close()
      // The loop has seen it by the time that another connection has been made.
      (try await Peer.connect(to: upstream.listening.address, on: upstream.loop)).close()
      await upstream.listening.next().close()
      let answer = upstream.ask(isReplayable: false)
      let second = try await upstream.accept()
      try await second.send(Upstream.hello)
      #expect(await answer.value.text == "hello")
    }
  }

  @Test func `idle connections are closed after their time`() async throws {
    var timeouts = Timeouts()
    timeouts.poolIdle = .milliseconds(10)
    try await Upstream.with(timeouts: timeouts) { upstream in
      let peer = try await upstream.warmUp()
      #expect(try await peer.receiveToEnd() == "")
      #expect(upstream.pool.idleCount == 0)
      #expect(upstream.pool.takeIdle(upstream.origin) == nil)
    }
  }

  @Test func `a pool that has gone is not swept`() async throws {
    try await Upstream.with { upstream in
      let loop = upstream.loop
      do {
        let pool = UpstreamPool(on: loop, resolver: Resolver(), tls: try TLSClientContext())
        let connection = try await pool.connect(to: upstream.origin)
        connection.send(.get, "/", .none) { $0.append(.host, "a") }
        try await connection.flush(idle: .seconds(20))
        try await upstream.accept().send(Upstream.hello)
        _ = try await connection.receiveHead(to: .get, firstByte: .seconds(20), rest: .seconds(20))
        while try await connection.readBody(into: connection.pieces, idle: .seconds(20)) {
          connection.pieces.removeAll()
        }
        pool.give(connection)
        #expect(pool.idleCount == 1)
        pool.takeIdle(upstream.origin)?.close()
      }
      // The sweep was set and would come by now.
      await withUnsafeContinuation { done in
        Deadline(on: loop) { done.resume() }.set(after: .milliseconds(5_200))
      }
    }
  }

  @Test func `origins do not share connections`() async throws {
    try await Upstream.with { upstream in
      _ = try await upstream.warmUp()
      let other = Origin(isSecure: false, host: "localhost", port: upstream.origin.port)
      #expect(upstream.pool.takeIdle(other) == nil)
      let connection = try #require(upstream.pool.takeIdle(upstream.origin))
      #expect(!connection.isReused)
      connection.close()
    }
  }

  @Test(arguments: [
    ("https://A.example/x/", true, "a.example", 443, "/x", "a.example"),
    ("http://a:80", false, "a", 80, "", "a"), ("http://a:443/", false, "a", 443, "", "a:443"),
    ("https://[::1]:8443/x/y//", true, "::1", 8_443, "/x/y", "[::1]:8443"),
    ("http://[::1]", false, "::1", 80, "", "[::1]"),
  ])
  func `a URL is an origin and a path`(
    _ text: String, _ isSecure: Bool, _ host: String, _ port: UInt16, _ path: String, _ authority: String
  ) throws {
    let url = try #require(OriginURL(text))
    #expect(url.origin == Origin(isSecure: isSecure, host: host, port: port))
    #expect(url.path == path)
    #expect(url.origin.authority == authority)
  }

  @Test(arguments: [
    "", "a.example", "ftp://a", "HTTPS://a", "https://", "https:///x", "https://u@a", "https://u:p@a/", "https://a:0",
    "https://a:65536", "https://a:", "https://a:x", "https://a?q", "https://a/#f", "https://a/ b", "https://a\\b",
    "https://ä", "https://[::1", "https://::1", "https://[::1]x", "https://[1]", "https://a]", "https://[a::1]b:1",
    "https://a%2eb", "https://a,b", "https://a;b", "https://.", "https://.a", "https://a/../b", "https://a/.",
    "https://a:+1",
    "https://a:000443",
  ])
  func `what is no plain URL is refused`(_ text: String) { #expect(OriginURL(text) == nil) }
}
