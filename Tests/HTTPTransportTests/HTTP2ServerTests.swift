import EventLoop
import GatewayTestSupport
import HTTPCore
import HTTPTransport
import Synchronization
import TLS
import Testing

/// Our client and our server over HTTP/2, in the clear and under TLS.
@Suite(.timeLimit(.minutes(2)))
struct HTTP2ServerTests {
  /// A server and a pool that speaks HTTP/2 with it.
  private func withPool(
    isSecure: Bool = false, timeouts: Timeouts = Timeouts(), offering protocols: [String] = ["h2", "http/1.1"],
    handler: @escaping @Sendable (ServerExchange) async throws -> Void = answer,
    _ body: @escaping @Sendable (UpstreamPool, Origin, RunningServer) async throws -> Void
  ) async throws {
    let tls = isSecure ? try Certificates.serverContext(protocols) : nil
    try await withServer(timeouts: timeouts, tls: tls, handler: handler) { running in
      let client = isSecure ? try Certificates.clientContext(["h2", "http/1.1"]) : try TLSClientContext()
      let pool = UpstreamPool(
        on: running.loop, resolver: Resolver(), tls: isSecure ? try Certificates.clientContext() : client,
        http2: HTTP2Policy(tls: client, carriesPacks: true, hasPriorKnowledge: !isSecure))
      defer { pool.closeIdle() }
      let origin = Origin(isSecure: isSecure, host: "127.0.0.1", port: running.address.port ?? 0)
      try await body(pool, origin, running)
    }
  }

  @Test(arguments: [false, true])
  func `requests follow one another on one connection`(isSecure: Bool) async throws {
    try await withPool(isSecure: isSecure) { pool, origin, running in
      let client = HTTPClient(pool)
      for number in 0..<5 {
        let answer = try await client.send(.get, "/target?\(number)", to: origin, fields: Fields(), isReplayable: false)
        #expect(String(decoding: answer.body, as: UTF8.self) == "/target?\(number)")
      }
      let body = (0..<500_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      let echo = try await client.send(.post, "/echo", to: origin, fields: Fields(), body: body, isReplayable: false)
      #expect(echo.body == body)
      let streamed = try await client.send(.get, "/stream", to: origin, fields: Fields(), isReplayable: false)
      #expect(String(decoding: streamed.body, as: UTF8.self) == "onetwothree")
      #expect(streamed.fields[.contentType] == "text/plain")
      for (target, status) in [("/empty", 204), ("/nothing", 500), ("/throws", 500), ("/other", 404)] {
        let answer = try await client.send(.get, target, to: origin, fields: Fields(), isReplayable: false)
        #expect(answer.status == status && answer.body.isEmpty, "\(target)")
      }
      #expect(pool.linkCount == 1 && pool.idleCount == 0 && running.server.connectionCount == 1)
    }
  }

  @Test func `a HEAD tells the length and sends nothing`() async throws {
    try await withPool { pool, origin, _ in
      let answer = try await HTTPClient(pool).send(.head, "/hello", to: origin, fields: Fields(), isReplayable: false)
      #expect(answer.status == 200 && answer.fields[.contentLength] == "5" && answer.body.isEmpty)
    }
  }

  @Test func `a response that breaks off is told apart from a whole one`() async throws {
    try await withPool { pool, origin, _ in
      let client = HTTPClient(pool)
      let error = await #expect(throws: TransportError.self) {
        try await client.send(.get, "/short", to: origin, fields: Fields(), isReplayable: false)
      }
      #expect(error == .reset(.internalError))
      // The connection is none the worse.
      let after = try await client.send(.get, "/hello", to: origin, fields: Fields(), isReplayable: false)
      #expect(after.status == 200)
      #expect(pool.linkCount == 1)
    }
  }

  @Test func `a server that does not offer HTTP-2 is spoken to in HTTP-1`() async throws {
    try await withPool(isSecure: true, offering: ["http/1.1"]) { pool, origin, _ in
      let client = HTTPClient(pool)
      for _ in 0..<3 {
        let after = try await client.send(.get, "/hello", to: origin, fields: Fields(), isReplayable: false)
        #expect(after.status == 200)
      }
      #expect(pool.linkCount == 0 && pool.idleCount == 1)
    }
  }

  @Test func `packs keep to HTTP-1 where calls alone are shared`() async throws {
    try await withServer(tls: Certificates.serverContext(["h2", "http/1.1"])) { running in
      let policy = HTTP2Policy(tls: try Certificates.clientContext(["h2", "http/1.1"]), carriesPacks: false)
      let pool = UpstreamPool(
        on: running.loop, resolver: Resolver(), tls: try Certificates.clientContext(["http/1.1"]), http2: policy)
      defer { pool.closeIdle() }
      let origin = Origin(isSecure: true, host: "127.0.0.1", port: running.address.port ?? 0)
      for (traffic, links, idle) in [(UpstreamTraffic.calls, 1, 0), (.packs, 1, 1), (.calls, 1, 1)] {
        let exchange = try await pool.connection(to: origin, carrying: traffic)
        exchange.send(.get, "/hello", .none) { $0.append(.host, origin.authority) }
        try await exchange.flush(idle: .seconds(20))
        let head = try await exchange.receiveHead(to: .get, firstByte: .seconds(20), rest: .seconds(20))
        #expect(head.status == 200)
        while try await exchange.readBody(into: exchange.pieces, idle: .seconds(20)) { exchange.pieces.removeAll() }
        pool.give(exchange)
        #expect(pool.linkCount == links && pool.idleCount == idle)
      }
    }
  }

  @Test func `many requests at once share few connections`() async throws {
    try await withPool { pool, origin, running in
      let shared = LoopConfined((pool, origin))
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<300 {
          group.addTask {
            let (pool, origin) = shared.value
            let body = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 20_000)
            let answer = try await HTTPClient(pool).send(
              .post, "/echo", to: origin, fields: Fields(), body: body, isReplayable: false)
            #expect(answer.body == body)
          }
        }
        try await group.waitForAll()
      }
      #expect((1...4).contains(pool.linkCount))
      #expect(running.server.connectionCount == pool.linkCount)
    }
  }

  @Test func `a reader that stops stops the sender, and nobody else`() async throws {
    let sent = Atomic<Int>(0)
    let handler: @Sendable (ServerExchange) async throws -> Void = { exchange in
      guard exchange.request.path == "/endless" else { return try await answer(exchange) }
      exchange.start(status: 200, length: nil) { _ in }
      let piece = [UInt8](repeating: 1, count: 65_536)
      while true {
        try await exchange.write(piece)
        sent.add(piece.count, ordering: .relaxed)
      }
    }
    try await withPool(handler: handler) { pool, origin, _ in
      let stalled = try await pool.connection(to: origin)
      stalled.send(.get, "/endless", .none) { $0.append(.host, origin.authority) }
      try await stalled.flush(idle: .seconds(20))
      _ = try await stalled.receiveHead(to: .get, firstByte: .seconds(20), rest: .seconds(20))
      // Others go on; by the time they are through, the sender has come to its window's end.
      let client = HTTPClient(pool)
      for _ in 0..<200 {
        let body = [UInt8](repeating: 2, count: 50_000)
        let echo = try await client.send(.post, "/echo", to: origin, fields: Fields(), body: body, isReplayable: false)
        #expect(echo.body == body)
      }
      let window = HTTP2Configuration.client.streamWindow
      #expect(sent.load(ordering: .relaxed) <= window + 65_536)
      #expect(pool.linkCount == 1)
      stalled.close()
    }
  }

  @Test func `what was lent stays as it is when its exchange is closed`() async throws {
    let handler: @Sendable (ServerExchange) async throws -> Void = { exchange in
      guard exchange.request.path == "/fixed" else { return try await answer(exchange) }
      exchange.start(status: 200, length: nil) { _ in }
      while true { try await exchange.write([UInt8](repeating: 0xaa, count: 65_536)) }
    }
    try await withPool(handler: handler) { pool, origin, _ in
      let client = HTTPClient(pool)
      let exchange = try await pool.connection(to: origin)
      exchange.send(.get, "/fixed", .none) { $0.append(.host, origin.authority) }
      try await exchange.flush(idle: .seconds(20))
      _ = try await exchange.receiveHead(to: .get, firstByte: .seconds(20), rest: .seconds(20))
      #expect(try await exchange.readBody(into: exchange.pieces, idle: .seconds(20)))
      // Its bytes may still be on their way to somebody.
      exchange.close()
      for _ in 0..<20 {
        let body = [UInt8](repeating: 0x55, count: 500_000)
        _ = try await client.send(.post, "/echo", to: origin, fields: Fields(), body: body, isReplayable: false)
      }
      var isWhole = true
      exchange.pieces.forEach { if !$0.allSatisfy({ $0 == 0xaa }) { isWhole = false } }
      #expect(isWhole && !exchange.pieces.isEmpty)
    }
  }

  @Test func `a client that leaves is noticed while it is served`() async throws {
    let gone = Event()
    let begun = Event()
    let handler: @Sendable (ServerExchange) async throws -> Void = { exchange in
      guard exchange.request.path == "/wait" else { return try await answer(exchange) }
      exchange.onClientGone = { gone.happen() }
      begun.happen()
      await gone.wait()
      throw TransportError.peerClosed
    }
    try await withPool(handler: handler) { pool, origin, _ in
      let exchange = try await pool.connection(to: origin)
      exchange.send(.post, "/wait", .chunked) { $0.append(.host, origin.authority) }
      try await exchange.flush(idle: .seconds(20))
      await begun.wait()
      exchange.close()
      await gone.wait()
      // Only the stream went.
      let client = HTTPClient(pool)
      let after = try await client.send(.get, "/hello", to: origin, fields: Fields(), isReplayable: false)
      #expect(after.status == 200)
      #expect(pool.linkCount == 1)
    }
  }

  @Test func `an unread request body is no obstacle to the response`() async throws {
    let handler: @Sendable (ServerExchange) async throws -> Void = { try await $0.respond(status: 413) }
    try await withPool(handler: handler) { pool, origin, _ in
      for _ in 0..<20 {
        let exchange = try await pool.connection(to: origin)
        exchange.send(.post, "/", .chunked) { $0.append(.host, origin.authority) }
        try await exchange.flush(idle: .seconds(20))
        let head = try await exchange.receiveHead(to: .post, firstByte: .seconds(20), rest: .seconds(20))
        #expect(head.status == 413)
        exchange.close()
      }
    }
  }

  @Test func `a body waits for 100 where it asks for it`() async throws {
    try await withServer { running in
      let peer = try await running.connect()
      defer { peer.close() }
      let fields = Frame.post.map { $0.0 == ":path" ? (":path", "/echo") : $0 }
      try await peer.send(
        Frame.preface + Frame.settings()
          + Frame.headers(1, fields + [("expect", "100-continue"), ("content-length", "5")], ends: false))
      var frame = try await peer.receiveFrame()
      while frame.type != 1 { frame = try await peer.receiveFrame() }
      // `:status: 100` in whatever coding ends with its digits or their Huffman form.
      #expect(frame.stream == 1)
      try await peer.send(Frame.data(1, Array("hello".utf8), ends: true))
      repeat { frame = try await peer.receiveFrame() } while frame.type != 0
      #expect(frame.payload == Array("hello".utf8))
    }
  }

  @Test func `draining says good-bye and lets what runs end`() async throws {
    let begun = Event()
    let release = Event()
    let handler: @Sendable (ServerExchange) async throws -> Void = { exchange in
      begun.happen()
      await release.wait()
      try await exchange.respond(status: 200, body: Array("late".utf8))
    }
    try await withPool(handler: handler) { pool, origin, running in
      let client = LoopConfined(HTTPClient(pool))
      let asked = Task(executorPreference: running.loop) {
        try await client.value.send(.get, "/", to: origin, fields: Fields(), isReplayable: false)
      }
      await begun.wait()
      let drained = Task { await running.server.drain(timeout: .seconds(20)) }
      while pool.hasSharedConnection(to: origin) { await running.loop.yield() }
      release.happen()
      let late = try await asked.value
      #expect(String(decoding: late.body, as: UTF8.self) == "late")
      #expect(await drained.value == 0)
      #expect(running.server.connectionCount == 0)
    }
  }

  @Test func `cutting ends streams so that they do not look whole`() async throws {
    let begun = Event()
    let handler: @Sendable (ServerExchange) async throws -> Void = { exchange in
      exchange.start(status: 200, length: nil) { _ in }
      try await exchange.write(Array("begun".utf8))
      begun.happen()
      let gone = Event()
      exchange.onClientGone = { gone.happen() }
      await gone.wait()
      throw TransportError.peerClosed
    }
    try await withPool(handler: handler) { pool, origin, running in
      let client = LoopConfined(HTTPClient(pool))
      let asked = Task(executorPreference: running.loop) {
        try await client.value.send(.get, "/", to: origin, fields: Fields(), isReplayable: false)
      }
      await begun.wait()
      #expect(await running.server.cut() == 1)
      await #expect(throws: TransportError.self) { try await asked.value }
    }
  }
}
