import GatewayTestSupport
import Testing

@testable import HTTPCore

@Suite struct HTTP2ExchangeTests {
  /// Body bytes that tell their place.
  static func body(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

  private func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

  @Test(arguments: [1, 2, 3, 5, 9, 10, 100, Int.max])
  func `an exchange is the same wherever its bytes are split`(size: Int) throws {
    let pair = try HTTP2Pair()
    pair.server.onRequest = { $0.respond($1, 200, "content-type: text/plain\r\n", body: Self.body(3_000)) }
    let stream = try pair.client.request(
      .post, "/git/demo/git-upload-pack?x=y", .length(1_000), "git-protocol: version=2\r\nauthorization: Bearer t\r\n")
    pair.client.send(Self.body(1_000), on: stream, ends: true, pieceSize: 300)
    pair.settle(size: size)
    let request = try #require(pair.server.requests[stream])
    #expect(request.method == .post && request.target == "/git/demo/git-upload-pack?x=y")
    #expect(request.framing == .length(1_000))
    #expect(request.fields[.host] == "example.test")
    #expect(request.fields[.gitProtocol] == "version=2")
    #expect(request.fields[.authorization] == "Bearer t")
    #expect(pair.server.bodies[stream] == Self.body(1_000))
    let response = try #require(pair.client.responses[stream])
    #expect(response.status == 200 && response.framing == .length(3_000))
    #expect(response.fields[.contentType] == "text/plain")
    #expect(pair.client.bodies[stream] == Self.body(3_000))
    #expect(pair.client.ended.contains(stream) && pair.server.ended.contains(stream))
    #expect(pair.client.closed[stream] == .noError && pair.server.closed[stream] == .noError)
    #expect(pair.client.session.streamCount == 0 && pair.server.session.streamCount == 0)
  }

  @Test func `a split at every byte of the client's first flight changes nothing`() throws {
    let model = try HTTP2End(.client)
    let stream = try model.request(.post, "/a", .length(5), "accept: */*\r\n")
    model.send(Array("hello".utf8), on: stream, ends: true)
    let bytes = model.take()
    for cut in 1..<bytes.count {
      let server = try HTTP2End(.server)
      server.receive(bytes[..<cut])
      server.receive(bytes[cut...])
      #expect(server.requests[stream]?.fields[.accept] == "*/*", "cut at \(cut)")
      #expect(server.bodies[stream] == Array("hello".utf8), "cut at \(cut)")
      #expect(server.ended.contains(stream) && server.failure == nil)
    }
  }

  @Test func `a body of unknown length ends with the stream`() throws {
    let pair = try HTTP2Pair()
    pair.server.onRequest = { $0.respond($1, body: Self.body(100), tellsLength: false) }
    let stream = try pair.client.request(.post, "/", .chunked)
    pair.client.send(Self.body(10), on: stream, ends: false)
    pair.settle()
    #expect(pair.server.requests[stream]?.framing == .chunked)
    #expect(!pair.server.ended.contains(stream))
    pair.client.send(Self.body(10), on: stream, ends: true)
    pair.settle()
    #expect(pair.server.bodies[stream] == Self.body(10) + Self.body(10))
    #expect(pair.server.ended.contains(stream))
    #expect(pair.client.responses[stream]?.framing == .chunked)
  }

  @Test func `many streams share a connection, each with its own bytes`() throws {
    let pair = try HTTP2Pair()
    pair.server.onRequest = { end, stream in
      end.respond(stream, body: [UInt8](repeating: UInt8(truncatingIfNeeded: stream), count: 100_000))
    }
    let streams = try (0..<100).map { try pair.client.request(.get, "/\($0)") }
    pair.settle()
    for (index, stream) in streams.enumerated() {
      #expect(pair.server.requests[stream]?.target == "/\(index)")
      let byte = UInt8(truncatingIfNeeded: stream)
      #expect(pair.client.bodies[stream]?.count == 100_000)
      #expect(pair.client.bodies[stream]?.allSatisfy { $0 == byte } == true)
    }
  }

  @Test func `two streams take turns`() throws {
    let pair = try HTTP2Pair()
    let streams = try (0..<2).map { _ in try pair.client.request(.get, "/") }
    pair.settle()
    for stream in streams { pair.server.respond(stream, body: Self.body(100_000)) }
    let order = frames(of: pair.server.take()).filter { $0.type == 0 }.prefix(4).map(\.stream)
    #expect(order == [streams[0], streams[1], streams[0], streams[1]])
  }

  @Test func `1xx responses are passed over, a ninth ends the stream`() throws {
    for count in [1, 8, 9] {
      let pair = try HTTP2Pair()
      pair.server.onRequest = { end, stream in
        for _ in 0..<count { end.session.inform(on: stream, status: 103) }
        end.respond(stream, 204)
      }
      let stream = try pair.client.request(.get, "/")
      pair.settle()
      #expect((pair.client.responses[stream]?.status == 204) == (count <= 8), "\(count)")
      #expect((pair.client.malformed[stream] != nil) == (count > 8), "\(count)")
    }
  }

  @Test func `a HEAD has no body whatever its length`() throws {
    let pair = try HTTP2Pair()
    pair.server.onRequest = { end, stream in
      try? end.session.respond(
        on: stream, status: 200, .length(500), hasBody: false, UnsafeRawBufferPointer(start: nil, count: 0))
    }
    let stream = try pair.client.request(.head, "/")
    pair.settle()
    #expect(pair.client.responses[stream]?.framing == BodyFraming.none)
    #expect(pair.client.responses[stream]?.fields[.contentLength] == "500")
    #expect(pair.client.ended.contains(stream))
  }

  @Test func `a peer that does not read is sent no more than its window`() throws {
    let pair = try HTTP2Pair()
    pair.client.consumes = false
    pair.server.onRequest = { $0.respond($1, body: zeros(2 << 20)) }
    let stream = try pair.client.request(.get, "/")
    pair.settle()
    #expect(pair.client.bodies[stream]?.count == HTTP2Configuration.client.streamWindow)
    pair.client.session.consume(100_000, of: stream)
    pair.settle()
    #expect(pair.client.bodies[stream]?.count == HTTP2Configuration.client.streamWindow + 100_000)
  }

  @Test func `one stream that is not read does not stop the others`() throws {
    let pair = try HTTP2Pair()
    pair.client.consumes = false
    pair.server.onRequest = { $0.respond($1, body: zeros(1 << 20)) }
    var stalled: [Int32] = []
    for _ in 0..<20 { stalled.append(try pair.client.request(.get, "/")) }
    pair.settle()
    pair.client.consumes = true
    let stream = try pair.client.request(.get, "/")
    pair.settle()
    #expect(pair.client.bodies[stream]?.count == 1 << 20)
    for stream in stalled { #expect(pair.client.bodies[stream]?.count == HTTP2Configuration.client.streamWindow) }
  }

  @Test func `what lies unread in a connection is bounded`() throws {
    let configuration = HTTP2Configuration.client
    let pair = try HTTP2Pair()
    pair.client.consumes = false
    pair.server.onRequest = { $0.respond($1, body: zeros(1 << 20)) }
    for _ in 0..<100 { _ = try pair.client.request(.get, "/") }
    pair.settle()
    let unread = pair.client.bodies.values.reduce(0) { $0 + $1.count }
    #expect(unread > configuration.unreadLimit)
    #expect(unread <= configuration.unreadLimit + configuration.connectionWindow)
  }

  @Test func `the window of a reader that keeps up grows to its limit, that of another does not`() throws {
    let configuration = HTTP2Configuration.client
    for keepsUp in [true, false] {
      let pair = try HTTP2Pair()
      pair.client.consumes = keepsUp
      let stream = try pair.client.request(.get, "/")
      pair.settle()
      pair.server.respond(stream, body: zeros(24 << 20))
      for _ in 0..<400 {
        pair.client.receive(pair.server.take())
        // A slow reader: takes a little, and never all there is.
        if !keepsUp { pair.client.session.consume(30_000, of: stream) }
        pair.server.receive(pair.client.take())
        guard let record = pair.client.session.records[stream] else { break }
        #expect(record.unread <= configuration.streamWindow || keepsUp)
        if record.window == configuration.largestStreamWindow { break }
      }
      let window = pair.client.session.records[stream]?.window
      #expect(window == (keepsUp ? configuration.largestStreamWindow : configuration.streamWindow))
      #expect(pair.client.failure == nil && pair.server.failure == nil)
    }
  }

  @Test func `padding and bytes of streams that are gone come back to the connection`() throws {
    let server = try HTTP2End(.server)
    server.receive(Frame.preface + Frame.settings())
    _ = server.take()
    var stream: Int32 = 1
    var granted = HTTP2Configuration.server.connectionWindow
    // Ten windows in all, on streams that are reset at once and whose data goes on for a while.
    for _ in 0..<40 {
      server.receive(Frame.headers(stream, Frame.post, ends: false))
      server.session.reset(stream, .cancel)
      _ = server.take()
      for _ in 0..<8 {
        let payload = [200] + [UInt8](repeating: 0, count: 16_000)
        #expect(granted >= payload.count)
        granted -= payload.count
        server.receive(Frame.raw(0, 8, stream, payload))
        for frame in frames(of: server.take()) where frame.type == 8 && frame.stream == 0 {
          granted += frame.payload.reduce(0) { $0 << 8 | Int($1) }
        }
      }
      stream += 2
    }
    #expect(server.failure == nil && server.session.isLive)
  }

  @Test func `after GOAWAY the server hears no new streams and ends those it has`() throws {
    let pair = try HTTP2Pair()
    let first = try pair.client.request(.get, "/1")
    pair.settle()
    pair.server.session.goAway()
    let farewell = pair.server.take()
    let late = try pair.client.request(.get, "/2")
    pair.server.receive(pair.client.take())
    pair.client.receive(farewell)
    pair.settle()
    #expect(pair.client.goAway == .noError)
    #expect(!pair.client.session.mayRequest)
    #expect(pair.client.closed[late] == .refusedStream)
    #expect(pair.server.requests[late] == nil)
    pair.server.respond(first, 200, body: Self.body(10))
    pair.settle()
    #expect(pair.client.bodies[first] == Self.body(10))
  }

  @Test func `a reset while body bytes wait ends the stream and no other`() throws {
    let pair = try HTTP2Pair()
    let streams = try (0..<2).map { _ in try pair.client.request(.get, "/") }
    pair.settle()
    for stream in streams { pair.server.respond(stream, body: zeros(1 << 20)) }
    pair.client.session.reset(streams[0], .cancel)
    pair.settle()
    #expect(pair.server.closed[streams[0]] == .cancel)
    #expect(!pair.server.session.hasUnsent(streams[0]))
    #expect(pair.client.bodies[streams[1]]?.count == 1 << 20)
  }
}
