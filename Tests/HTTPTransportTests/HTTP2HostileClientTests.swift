import EventLoop
import GatewayTestSupport
import HTTPCore
import HTTPTransport
import Testing

/// Clients that write their frames by hand.
@Suite(.timeLimit(.minutes(2)))
struct HTTP2HostileClientTests {
  /// Frames up to GOAWAY, whose code is returned; nil when the connection ends without.
  private func goAway(_ peer: Peer) async throws -> HTTP2ErrorCode? {
    while true {
      let frame: (type: UInt8, stream: Int32, payload: [UInt8])
      do { frame = try await peer.receiveFrame() } catch { return nil }
      if frame.type == 7 {
        return HTTP2ErrorCode(rawValue: frame.payload[4..<8].reduce(0) { $0 << 8 | UInt32($1) })
      }
    }
  }

  @Test func `ten thousand rapid resets end in GOAWAY, and the server lives`() async throws {
    try await withServer { running in
      let peer = try await running.connect()
      defer { peer.close() }
      try await peer.send(Frame.preface + Frame.settings())
      let own = LoopConfined(peer)
      let flood = Task(executorPreference: running.loop) {
        for index in 0..<10_000 {
          let stream = Int32(2 * index + 1)
          try await own.value.send(Frame.headers(stream, Frame.get) + Frame.reset(stream))
        }
      }
      #expect(try await goAway(peer) == .enhanceYourCalm)
      peer.close()
      _ = await flood.result
      #expect(try await running.ask("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").hasSuffix("hello"))
    }
  }

  @Test func `a client that asks nothing is closed in time, whatever else it sends`() async throws {
    var timeouts = Timeouts()
    timeouts.head = .milliseconds(200)
    try await withServer(timeouts: timeouts) { running in
      let peer = try await running.connect()
      defer { peer.close() }
      try await peer.send(Frame.preface + Frame.settings())
      let own = LoopConfined(peer)
      let pings = Task(executorPreference: running.loop) {
        while true {
          try await own.value.send(Frame.ping())
          // Other clients' requests set the pace, so that it is no flood.
          for _ in 0..<20 { _ = try await running.ask("BAD\r\n\r\n") }
        }
      }
      #expect(try await goAway(peer) == .noError)
      peer.close()
      _ = await pings.result
    }
  }

  @Test func `a head that does not end is cut in time`() async throws {
    var timeouts = Timeouts()
    timeouts.head = .milliseconds(200)
    try await withServer(timeouts: timeouts) { running in
      let peer = try await running.connect()
      defer { peer.close() }
      // A request keeps the connection busy, another head has no end.
      let busy = Frame.headers(1, Frame.post.map { $0.0 == ":path" ? (":path", "/echo") : $0 }, ends: false)
      try await peer.send(Frame.preface + Frame.settings() + busy)
      try await peer.send(Frame.raw(1, 1, 3, Frame.literal(":method", "GET")))
      #expect(try await goAway(peer) == .enhanceYourCalm)
    }
  }

  @Test func `a client that reads nothing does not make the server hold its answers`() async throws {
    try await withServer { running in
      let peer = try await running.connect()
      defer { peer.close() }
      try await peer.send(Frame.preface + Frame.settings())
      // Every stream is answered, and the answers are read by nobody until the end.
      for index in 0..<100 { try await peer.send(Frame.headers(Int32(2 * index + 1), Frame.get)) }
      var count = 0
      while count < 100 { if try await peer.receiveFrame().type == 1 { count += 1 } }
    }
  }

  @Test func `what is not HTTP-2 after its preface is closed`() async throws {
    try await withServer { running in
      let peer = try await running.connect()
      defer { peer.close() }
      try await peer.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
      let code = try await goAway(peer)
      #expect(code == nil || code == .protocolError || code?.rawValue == 6)
    }
  }

  @Test func `the preface may come a byte at a time`() async throws {
    try await withServer { running in
      let peer = try await running.connect()
      defer { peer.close() }
      for byte in Frame.preface + Frame.settings() + Frame.headers(1, Frame.get) { try await peer.send([byte]) }
      var frame = try await peer.receiveFrame()
      while frame.type != 1 { frame = try await peer.receiveFrame() }
      #expect(frame.stream == 1)
    }
  }

  @Test func `a server of HTTP-1 alone refuses the preface`() async throws {
    let group = try LoopGroup(count: 1)
    defer { group.shutdown() }
    let server = HTTPServer(on: group, speaksHTTP2: false) { _ in Silent() }
    let address = try await server.listen(on: .anyLoopback)
    try await onLoop { loop in
      let peer = try await Peer.connect(to: address.address, on: loop)
      defer { peer.close() }
      try await peer.send(Frame.preface)
      #expect(try await peer.receiveHead().hasPrefix("HTTP/1.1 505"))
    }
    _ = await server.drain(timeout: .milliseconds(100))
  }

  private final class Silent: RequestHandler {
    func handle(_ exchange: ServerExchange) async throws {}
  }
}
