import EventLoop
import GatewayTestSupport
import HTTPCore
import HTTPTransport
import TLS
import Testing

/// Our client against servers that write their frames by hand.
@Suite(.timeLimit(.minutes(2)))
struct HTTP2ClientTests {
  /// What the client and the server of a test share: one loop.
  private final class Scene {
    let loop: Loop
    let listening: Listening
    let pool: UpstreamPool
    let origin: Origin

    init(on loop: Loop) throws {
      self.loop = loop
      listening = try Listening(on: loop)
      let tls = try TLSClientContext()
      pool = UpstreamPool(
        on: loop, resolver: Resolver(), tls: tls,
        http2: HTTP2Policy(tls: tls, carriesPacks: true, hasPriorKnowledge: true))
      origin = Origin(isSecure: false, host: "127.0.0.1", port: listening.address.port ?? 0)
    }

    func ask(_ target: String = "/", isReplayable: Bool = true) -> Task<Result<HTTPResponse, TransportError>, Never> {
      let own = LoopConfined(self)
      return Task(executorPreference: loop) {
        do throws(TransportError) {
          return .success(
            try await HTTPClient(own.value.pool).send(
              .get, target, to: own.value.origin, fields: Fields(), isReplayable: isReplayable,
              firstByte: .seconds(20)))
        } catch {
          return .failure(error)
        }
      }
    }

    /// A new connection, its preface and settings read and answered.
    func accept(_ settings: [(UInt16, UInt32)] = []) async throws -> Peer {
      let peer = await listening.next()
      #expect(try await peer.receive(24) == Frame.preface)
      try await peer.send(Frame.settings(settings) + Frame.settingsAcknowledgement)
      return peer
    }
  }

  private func withScene(_ body: @escaping @Sendable (Scene) async throws -> Void) async throws {
    try await onLoop { loop in
      let scene = try Scene(on: loop)
      defer {
        scene.pool.closeIdle()
        scene.listening.close()
      }
      try await body(scene)
    }
  }

  /// The stream of the next request.
  private func request(_ peer: Peer) async throws -> Int32 {
    var frame = try await peer.receiveFrame()
    while frame.type != 1 { frame = try await peer.receiveFrame() }
    return frame.stream
  }

  private func ok(_ stream: Int32) -> [UInt8] {
    Frame.headers(stream, [(":status", "200")], ends: false) + Frame.data(stream, Array("hello".utf8), ends: true)
  }

  private func goAway(last: Int32, code: UInt32 = 0) -> [UInt8] {
    Frame.raw(7, 0, 0, Frame.number(UInt32(last)) + Frame.number(code))
  }

  @Test func `a refused stream is sent again, and only then`() async throws {
    for isRefused in [true, false] {
      try await withScene { scene in
        let answer = scene.ask()
        let peer = try await scene.accept()
        let first = try await request(peer)
        try await peer.send(Frame.reset(first, code: isRefused ? 7 : 2))
        if isRefused {
          let second = try await request(peer)
          #expect(second > first)
          try await peer.send(ok(second))
          #expect(await answer.value.text == "hello")
        } else {
          #expect(await answer.value.error == .reset(.internalError))
        }
        #expect(scene.listening.acceptedCount == 1)
      }
    }
  }

  @Test func `streams that GOAWAY leaves out go to another connection, the others end where they are`() async throws {
    try await withScene { scene in
      let early = scene.ask("/1")
      let peer = try await scene.accept()
      let first = try await request(peer)
      let late = scene.ask("/2")
      _ = try await request(peer)
      try await peer.send(goAway(last: first))
      let other = try await scene.accept()
      try await other.send(ok(try await request(other)))
      #expect(await late.value.text == "hello")
      try await peer.send(ok(first))
      #expect(await early.value.text == "hello")
      // It has carried its last exchange.
      while (try? await peer.receiveFrame()) != nil {}
      #expect(scene.pool.linkCount == 1)
    }
  }

  @Test func `a request that may not be repeated is not`() async throws {
    try await withScene { scene in
      let answer = scene.ask(isReplayable: false)
      let peer = try await scene.accept()
      try await peer.send(Frame.reset(try await request(peer), code: 7))
      #expect(await answer.value.error == .peerClosed)
    }
  }

  @Test func `no more streams are open than the peer allows`() async throws {
    try await withScene { scene in
      let first = scene.ask("/1")
      let peer = try await scene.accept([(3, 1)])
      let stream = try await request(peer)
      // The limit has come by the time that the second is asked.
      let acknowledged = try await peer.receiveFrame()
      #expect(acknowledged.type == 4)
      let second = scene.ask("/2")
      let other = try await scene.accept([(3, 1)])
      try await other.send(ok(try await request(other)))
      #expect(await second.value.text == "hello")
      try await peer.send(ok(stream))
      #expect(await first.value.text == "hello")
      #expect(scene.pool.linkCount == 2)
    }
  }

  @Test func `an unwanted response is left to end by itself`() async throws {
    try await withScene { scene in
      let warm = scene.ask()
      let peer = try await scene.accept()
      try await peer.send(ok(try await request(peer)))
      _ = await warm.value
      let exchange = try await scene.pool.connection(to: scene.origin)
      exchange.send(.get, "/", .none) { $0.append(.host, "a") }
      try await exchange.flush(idle: .seconds(20))
      let stream = try await request(peer)
      try await peer.send(Frame.headers(stream, [(":status", "200")], ends: false))
      _ = try await exchange.receiveHead(to: .get, firstByte: .seconds(20), rest: .seconds(20))
      exchange.close()
      try await peer.send(Frame.data(stream, Array("hello".utf8), ends: true) + Frame.ping(7))
      // The answer to the ping is the next that comes: no reset before it.
      #expect(try await peer.receiveFrame().type == 6)
      #expect(scene.pool.linkCount == 1)
    }
  }

  @Test func `one that does not end is reset, and resets without end retire the connection`() async throws {
    try await withScene { scene in
      var peer: Peer?
      var resets = 0
      for _ in 0..<16 {
        let exchange = try await scene.pool.connection(to: scene.origin)
        // A request that is not written to its end is reset at once.
        exchange.send(.post, "/", .chunked) { $0.append(.host, "a") }
        try await exchange.flush(idle: .seconds(20))
        if peer == nil { peer = try await scene.accept() }
        exchange.close()
      }
      guard let peer else { return }
      var last: UInt8 = 0
      while true {
        guard let frame = try? await peer.receiveFrame() else { break }
        if frame.type == 3 { resets += 1 }
        last = frame.type
      }
      #expect(resets == 16 && last == 7)
      #expect(scene.pool.linkCount == 0)
    }
  }

  @Test func `a connection that ends fails its exchanges`() async throws {
    try await withScene { scene in
      let answers = (0..<3).map { scene.ask("/\($0)", isReplayable: false) }
      let peer = try await scene.accept()
      for _ in answers { _ = try await request(peer) }
      peer.close()
      for answer in answers { #expect(await answer.value.error == .peerClosed) }
      #expect(scene.pool.linkCount == 0)
    }
  }

  @Test func `a response that breaks the rules is an error of its exchange alone`() async throws {
    try await withScene { scene in
      let bad = scene.ask("/bad")
      let peer = try await scene.accept()
      let first = try await request(peer)
      let good = scene.ask("/good")
      let second = try await request(peer)
      try await peer.send(Frame.headers(first, [(":status", "200"), ("connection", "close")]) + ok(second))
      guard case .malformed = await bad.value.error else {
        Issue.record("\(await bad.value)")
        return
      }
      #expect(await good.value.text == "hello")
    }
  }

  @Test func `a server that floods is left`() async throws {
    try await withScene { scene in
      let answer = scene.ask(isReplayable: false)
      let peer = try await scene.accept()
      _ = try await request(peer)
      var flood: [UInt8] = []
      for _ in 0..<3_000 { flood += Frame.ping() }
      try await peer.send(flood)
      #expect(await answer.value.error != nil)
      #expect(scene.pool.linkCount == 0)
    }
  }
}
