import GatewayTestSupport
import Testing

@testable import HTTPCore

/// Whatever a peer sends, nothing traps, and what is taken is well-formed.
@Suite struct HTTP2RandomTests {
  private static let frames: [[UInt8]] = [
    Frame.headers(1, Frame.post + [("content-length", "5")], ends: false),
    Frame.data(1, Array("hello".utf8), ends: true),
    Frame.headers(3, Frame.get), Frame.headers(5, Frame.post, ends: false), Frame.data(5, [1, 2, 3]),
    Frame.headers(5, [("x", "y")]), Frame.ping(), Frame.settings([(4, 100), (1, 0)]), Frame.windowUpdate(0, 1_000),
    Frame.windowUpdate(1, 50), Frame.reset(3), Frame.raw(2, 0, 7, [0, 0, 0, 0, 1]),
    Frame.raw(7, 0, 0, Array(repeating: 0, count: 8)),
    Frame.raw(200, 3, 9, [9, 9, 9]), Frame.raw(1, 1, 9, Frame.literal(":method", "GET")),
    Frame.raw(9, 4, 9, [0x84, 0x86]),
  ]

  private func check(_ end: HTTP2End) {
    for head in end.requests.values {
      #expect(head.target.hasPrefix("/") || head.target == "*")
      head.fields.forEach { name, value in
        #expect(name.allSatisfy(Grammar.isToken) && value.allSatisfy(Grammar.isFieldContent))
      }
    }
    for head in end.responses.values { #expect((200...599).contains(head.status)) }
  }

  @Test(arguments: 0..<8) func `frames in any order with bytes changed`(seed: UInt64) throws {
    var generator = SplitMix64(state: seed)
    for _ in 0..<400 {
      let server = try HTTP2End(.server)
      server.onRequest = { $0.respond($1, body: [UInt8](repeating: 7, count: 500)) }
      server.receive(Frame.preface + Frame.settings())
      for _ in 0..<Int.random(in: 1...20, using: &generator) {
        var frame = Self.frames.randomElement(using: &generator) ?? []
        if Int.random(in: 0..<3, using: &generator) == 0 {
          let place = Int.random(in: 0..<frame.count, using: &generator)
          frame[place] = UInt8.random(in: 0...255, using: &generator)
        }
        server.receive(frame)
        if Bool.random(using: &generator) { _ = server.take() }
      }
      _ = server.take()
      check(server)
    }
  }

  @Test(arguments: 0..<4) func `random bytes`(seed: UInt64) throws {
    var generator = SplitMix64(state: seed &+ 100)
    for _ in 0..<500 {
      let server = try HTTP2End(.server)
      let client = try HTTP2End(.client)
      _ = try client.request(.get, "/")
      _ = client.take()
      server.receive(Frame.preface)
      for _ in 0..<5 {
        let bytes = (0..<Int.random(in: 1...200, using: &generator)).map { _ in
          UInt8.random(in: 0...255, using: &generator) & (Bool.random(using: &generator) ? 15 : 255)
        }
        server.receive(bytes)
        client.receive(bytes)
      }
      _ = server.take()
      _ = client.take()
      check(server)
      check(client)
    }
  }
}
