import EventLoop
import GatewayTestSupport
import HTTPCore
import HTTPTransport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct DrainTests {
  /// A handler whose response to `/wait` waits for an event, before its head or after.
  private struct Held: Sendable {
    let begun = Event()
    let release = Event()

    @Sendable func handle(_ exchange: ServerExchange) async throws {
      if exchange.request.path == "/wait" {
        begun.happen()
        await release.wait()
      }
      try await exchange.respond(status: 200, body: Array("done".utf8))
    }
  }

  private let hello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
  private let wait = "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"

  @Test func `a drain closes what is idle and lets what runs come to its end`() async throws {
    let held = Held()
    try await withServer(handler: held.handle) { [hello, wait] running in
      let idle = try await running.connect()
      try await idle.send(hello)
      _ = try await idle.receiveMessage()
      let busy = try await running.connect()
      try await busy.send(wait)
      await held.begun.wait()

      async let cut = running.server.drain(timeout: .seconds(20))
      #expect(try await idle.receiveToEnd() == "")
      while running.server.connectionCount > 1 { await running.loop.yield() }
      await #expect(throws: ConnectError.self) { try await running.connect() }
      held.release.happen()
      let answer = try await busy.receiveToEnd()
      #expect(answer.hasSuffix("done"))
      // Whoever is about to ask again is told not to.
      #expect(answer.contains("connection: close\r\n"))
      #expect(await cut == 0)
      #expect(running.server.connectionCount == 0)
      idle.close()
      busy.close()
    }
  }

  @Test func `every loop drains at once`() async throws {
    let held = Held()
    try await withServer(loops: 3, handler: held.handle) { [hello, wait] running in
      // New connections go to the loop that has the fewest, so each loop gets one of each kind.
      var idle: [Peer] = []
      for _ in 0..<3 {
        let peer = try await running.connect()
        try await peer.send(hello)
        _ = try await peer.receiveMessage()
        idle.append(peer)
      }
      var busy: [Peer] = []
      for _ in 0..<3 {
        let peer = try await running.connect()
        try await peer.send(wait)
        busy.append(peer)
      }
      await held.begun.wait()
      while running.server.connectionCount < 6 { await running.loop.yield() }

      async let cut = running.server.drain(timeout: .seconds(20))
      for peer in idle {
        peer.patience = .seconds(5)
        #expect(try await peer.receiveToEnd() == "")
        peer.close()
      }
      held.release.happen()
      for peer in busy {
        #expect(try await peer.receiveToEnd().hasSuffix("done"))
        peer.close()
      }
      #expect(await cut == 0)
    }
  }

  @Test func `what does not end in time is cut`() async throws {
    let begun = Event()
    let gone = Event()
    try await withServer { exchange in
      exchange.onClientGone = { gone.happen() }
      begun.happen()
      await gone.wait()
      throw TransportError.closed
    } _: { [wait] running in
      let peer = try await running.connect()
      try await peer.send(wait)
      await begun.wait()
      #expect(await running.server.drain(timeout: .milliseconds(50)) == 1)
      #expect(try await peer.receiveEnd())
      #expect(running.server.connectionCount == 0)
      peer.close()
    }
  }

  @Test func `a handler that does not end does not keep the drain from ending`() async throws {
    let held = Held()
    try await withServer(handler: held.handle) { [wait] running in
      let peer = try await running.connect()
      try await peer.send(wait)
      await held.begun.wait()
      #expect(await running.server.drain(timeout: .milliseconds(50)) == 1)
      #expect(running.server.connectionCount == 1)
      #expect(try await peer.receiveEnd())
      held.release.happen()
      while running.server.connectionCount > 0 { await running.loop.yield() }
      peer.close()
    }
  }

  @Test func `a request of which a part has come is still answered`() async throws {
    try await withServer { running in
      let peer = try await running.connect()
      try await peer.send("GET /hello HTTP/1.1\r\n")
      // Another connection is served, so the loop has read the first one's beginning.
      _ = try await running.ask("BAD\r\n\r\n")
      async let cut = running.server.drain(timeout: .seconds(20))
      while let another = try? await running.connect() { another.close() }
      try await peer.send("Host: a\r\n\r\n")
      #expect(try await peer.receiveToEnd().hasSuffix("connection: close\r\n\r\nhello"))
      #expect(await cut == 0)
      peer.close()
    }
  }

  @Test func `a request that was on its way when the drain began is answered`() async throws {
    try await withServer { [hello] running in
      let (fresh, kept) = (try await running.connect(), try await running.connect())
      try await kept.send(hello)
      _ = try await kept.receiveMessage()
      async let cut = running.server.drain(timeout: .seconds(20))
      while let another = try? await running.connect() { another.close() }
      for peer in [fresh, kept] {
        try await peer.send(hello)
        #expect(try await peer.receiveToEnd().hasSuffix("connection: close\r\n\r\nhello"))
        peer.close()
      }
      #expect(await cut == 0)
    }
  }

  @Test func `a cut ends everything now`() async throws {
    let held = Held()
    try await withServer(handler: held.handle) { [hello, wait] running in
      let idle = try await running.connect()
      try await idle.send(hello)
      _ = try await idle.receiveMessage()
      let busy = try await running.connect()
      try await busy.send(wait)
      await held.begun.wait()
      #expect(await running.server.cut() == 1)
      #expect(try await idle.receiveEnd())
      #expect(try await busy.receiveEnd())
      held.release.happen()
      idle.close()
      busy.close()
    }
  }

  @Test func `a connection in its handshake does not outlive the drain`() async throws {
    let certificate = try Certificates.serverContext()
    try await withServer(tls: certificate) { running in
      let peer = try await running.connect()
      defer { peer.close() }
      while running.server.connectionCount < 1 { await running.loop.yield() }
      #expect(await running.server.drain(timeout: .seconds(20)) == 0)
      #expect(try await peer.receiveEnd())
    }
  }
}
