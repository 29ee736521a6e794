import GatewayTestSupport
import Testing

@testable import HTTPCore

/// Peers that make work for nothing are told so and dropped (RFC 9113 section 10.5).
@Suite struct HTTP2FloodTests {
  /// A server that has begun, fed `flood` piece after piece until it has had enough; how many pieces that took.
  private func feed(_ server: HTTP2End, limit: Int, _ flood: (Int) -> [UInt8]) -> (count: Int, sent: [UInt8]) {
    server.receive(Frame.preface + Frame.settings() + Frame.settingsAcknowledgement)
    var sent = server.take()
    for index in 0..<limit {
      server.receive(flood(index))
      let answer = server.take()
      if goAwayCode(in: answer) != nil { sent = answer }
      if server.failure != nil || !server.session.isLive { return (index, sent) }
    }
    return (limit, sent)
  }

  struct Flood: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let piece: @Sendable (Int) -> [UInt8]
  }

  static let floods = [
    Flood(testDescription: "PING") { _ in Frame.ping() },
    Flood(testDescription: "SETTINGS") { _ in Frame.settings([(4, 65_535)]) },
    Flood(testDescription: "a window that grows and shrinks") { Frame.settings([(4, $0 & 1 == 0 ? 1 : 1 << 20)]) },
    Flood(testDescription: "PRIORITY") { Frame.raw(2, 0, Int32($0 * 2 + 1), [0, 0, 0, 0, 1]) },
    Flood(testDescription: "windows a byte at a time") { _ in Frame.windowUpdate(0, 1) },
    Flood(testDescription: "empty DATA") {
      $0 == 0 ? Frame.headers(1, Frame.post, ends: false) : Frame.data(1, [])
    },
    Flood(testDescription: "DATA of one byte") {
      $0 == 0 ? Frame.headers(1, Frame.post, ends: false) : Frame.data(1, [1])
    },
    Flood(testDescription: "streams opened and reset") {
      Frame.headers(Int32($0 * 2 + 1), Frame.get) + Frame.reset(Int32($0 * 2 + 1))
    },
    Flood(testDescription: "streams opened and reset as if in good order") {
      Frame.headers(Int32($0 * 2 + 1), Frame.get) + Frame.reset(Int32($0 * 2 + 1), code: 0)
    },
    Flood(testDescription: "streams that this side must reset") {
      Frame.headers(Int32($0 * 2 + 1), Frame.post + [("content-length", "1")], ends: false)
        + Frame.data(Int32($0 * 2 + 1), [1, 2])
    },
    Flood(testDescription: "malformed requests") { Frame.headers(Int32($0 * 2 + 1), [("a", "b")]) },
  ]

  @Test(arguments: floods)
  func `a flood ends in GOAWAY with the reason`(flood: Flood) throws {
    let server = try HTTP2End(.server)
    let (count, sent) = feed(server, limit: 10_000, flood.piece)
    #expect(count < 2_500)
    #expect(goAwayCode(in: sent) == .enhanceYourCalm)
    #expect(server.session.streamCount <= HTTP2Configuration.server.concurrentStreams)
  }

  @Test func `streams that get their answers are no flood, however many`() throws {
    let pair = try HTTP2Pair()
    pair.server.onRequest = { $0.respond($1, 204) }
    for _ in 0..<5_000 {
      _ = try pair.client.request(.get, "/")
      pair.settle()
    }
    #expect(pair.client.responses.count == 5_000 && pair.client.goAway == nil)
  }

  @Test func `the window updates of a long transfer are no flood`() throws {
    let pair = try HTTP2Pair()
    pair.server.onRequest = { $0.respond($1, body: [UInt8](repeating: 0, count: 64 << 20)) }
    let stream = try pair.client.request(.get, "/")
    pair.settle(size: 4_000)
    #expect(pair.client.bodies[stream]?.count == 64 << 20)
  }

  @Test func `no more streams are open than was granted`() throws {
    let server = try HTTP2End(.server)
    let limit = HTTP2Configuration.server.concurrentStreams
    server.receive(Frame.preface + Frame.settings() + Frame.settingsAcknowledgement)
    _ = server.take()
    for index in 0..<limit + 20 { server.receive(Frame.headers(Int32(index * 2 + 1), Frame.get)) }
    #expect(server.requests.count == limit)
    // The client had acknowledged the limit.
    #expect(goAwayCode(in: server.take()) == .protocolError)
  }

  @Test func `a head without an end is cut off`() throws {
    let server = try HTTP2End(.server)
    let (count, sent) = feed(server, limit: 1_000) { index in
      let block = Frame.literal("x-\(index)", String(repeating: "a", count: 1_000))
      return index == 0 ? Frame.raw(1, 1, 1, block) : Frame.raw(9, 0, 1, block)
    }
    #expect(count < 20)
    #expect(server.failure != nil || goAwayCode(in: sent) != nil)
  }

  @Test func `a head that is small on the wire and huge in memory ends the connection`() throws {
    let server = try HTTP2End(.server)
    // One entry of the table, named again and again by a byte each.
    let entry = [0x40] + Frame.string("x") + Frame.string(String(repeating: "a", count: 4_000))
    let (_, sent) = feed(server, limit: 3) { index in
      Frame.raw(1, 5, Int32(index * 2 + 1), entry + [UInt8](repeating: 0xbe, count: 10_000))
    }
    #expect(goAwayCode(in: sent) == .enhanceYourCalm)
    #expect(server.requests.isEmpty)
  }

  @Test func `a backlog of answers shows`() throws {
    let server = try HTTP2End(.server)
    server.receive(Frame.preface + Frame.settings())
    #expect(!server.session.isBacklogged)
    for _ in 0..<400 { server.receive(Frame.ping()) }
    #expect(server.session.isBacklogged)
    _ = server.take()
    #expect(!server.session.isBacklogged)
  }

  @Test func `a window that shrinks below zero and one that overflows are survived`() throws {
    let pair = try HTTP2Pair()
    let stream = try pair.client.request(.get, "/")
    pair.settle()
    pair.server.respond(stream, body: [UInt8](repeating: 1, count: 1 << 20))
    _ = pair.server.take()
    pair.server.receive(Frame.settings([(4, 0)]))
    #expect(pair.server.take().count < 100)
    pair.server.receive(Frame.settings([(4, 0x7fff_ffff)]) + Frame.windowUpdate(stream, 0x7fff_ffff))
    let sent = pair.server.take()
    #expect(goAwayCode(in: sent) != nil || frames(of: sent).contains { $0.type == 3 })
  }
}
