import GatewayTestSupport
import Testing

@testable import HTTPCore

/// Requests and responses written by hand, good and bad.
@Suite struct HTTP2RefusalTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let fields: [(String, String)]
    var ends = true
    var body: [UInt8] = []
    init(_ name: String, _ fields: [(String, String)], ends: Bool = true, body: [UInt8] = []) {
      testDescription = name
      self.fields = fields
      self.ends = ends
      self.body = body
    }
  }

  static let get = Frame.get

  private static func replacing(_ name: String, _ value: String?) -> [(String, String)] {
    get.compactMap { $0.0 == name ? value.map { (name, $0) } : $0 }
  }

  private func server(_ bytes: [UInt8]) throws -> (HTTP2End, sent: [UInt8]) {
    let server = try HTTP2End(.server)
    server.receive(Frame.preface + Frame.settings() + bytes)
    return (server, server.take())
  }

  static let resets = [
    Case("no method", replacing(":method", nil)),
    Case("no path", replacing(":path", nil)),
    Case("no scheme", replacing(":scheme", nil)),
    Case("no authority", replacing(":authority", nil)),
    Case("empty path", replacing(":path", "")),
    Case("a relative path", replacing(":path", "a")),
    Case("an absolute URL as path", replacing(":path", "http://example.test/")),
    Case("a blank in the path", replacing(":path", "/a b")),
    Case("a fragment in the path", replacing(":path", "/a#b")),
    Case("a star with GET", replacing(":path", "*")),
    Case("a scheme that is not http", replacing(":scheme", "ftp")),
    Case("userinfo in the authority", replacing(":authority", "me@example.test")),
    Case("no port in the authority", replacing(":authority", "example.test:x")),
    Case("half a bracket in the authority", replacing(":authority", "[::1")),
    Case("a percent sign in the authority", replacing(":authority", "example%2etest")),
    Case("a slash in the authority", replacing(":authority", "example.test/x")),
    Case("a bad method", replacing(":method", "G ET")),
    Case("two paths", get + [(":path", "/b")]),
    Case("a pseudo-field behind a field", [get[0], get[1], ("accept", "*/*"), get[2], get[3]]),
    Case("an unknown pseudo-field", get + [(":protocol", "websocket")]),
    Case("a response's pseudo-field", get + [(":status", "200")]),
    Case("Host of another host", get + [("host", "other.test")]),
    Case("two Hosts", get + [("host", "example.test"), ("host", "example.test")]),
    Case("an upper-case name", get + [("Accept", "*/*")]),
    Case("a name with a blank", get + [("ac cept", "*/*")]),
    Case("a name with a colon", get + [("a:b", "c")]),
    Case("an empty name", get + [("", "x")]),
    Case("LF in a value", get + [("accept", "a\nb")]),
    Case("CR in a value", get + [("accept", "a\rb")]),
    Case("NUL in a value", get + [("accept", "a\0b")]),
    Case("a blank before a value", get + [("accept", " a")]),
    Case("a blank behind a value", get + [("accept", "a ")]),
    Case("connection", get + [("connection", "close")]),
    Case("keep-alive", get + [("keep-alive", "1")]),
    Case("proxy-connection", get + [("proxy-connection", "close")]),
    Case("transfer-encoding", get + [("transfer-encoding", "chunked")]),
    Case("upgrade", get + [("upgrade", "h2c")]),
    Case("te other than trailers", get + [("te", "gzip")]),
    Case("two lengths", get + [("content-length", "0"), ("content-length", "0")]),
    Case("a length that is no number", get + [("content-length", "+1")], ends: false),
    Case("a length out of range", get + [("content-length", "9223372036854775808")], ends: false),
    Case("a length without a body", get + [("content-length", "5")]),
    Case("a body shorter than its length", get + [("content-length", "5")], ends: false, body: [1, 2]),
    Case("a body longer than its length", get + [("content-length", "1")], ends: false, body: [1, 2]),
  ]

  @Test(arguments: resets)
  func `a malformed request is reset, and the connection goes on`(example: Case) throws {
    var bytes = Frame.headers(1, example.fields, ends: example.ends)
    if !example.ends { bytes += Frame.data(1, example.body, ends: true) }
    let (server, sent) = try server(bytes + Frame.headers(3, Frame.get))
    let isReset = frames(of: sent).contains { $0.type == 3 && $0.stream == 1 }
    #expect(isReset)
    #expect(server.requests[1] == nil || !example.ends)
    #expect(!server.ended.contains(1))
    #expect(server.requests[3]?.target == "/" && server.failure == nil)
  }

  static let refusals: [(Case, Int)] = [
    (Case("an unknown method", replacing(":method", "BREW")), 501),
    (Case("a method in lower case", replacing(":method", "get")), 501),
    (Case("a long path", replacing(":path", "/" + String(repeating: "a", count: 8_192))), 414),
    (
      Case(
        "a long value", get + [("x", String(repeating: "a", count: 16_000)), ("y", String(repeating: "b", count: 400))]),
      431
    ),
    (Case("many fields", get + (0..<101).map { ("x-\($0)", "") }), 431),
    (Case("an unknown expectation", get + [("expect", "tea")]), 417),
  ]

  @Test(arguments: refusals)
  func `a request that is not served is told its status`(example: Case, status: Int) throws {
    let (server, _) = try server(Frame.headers(1, example.fields) + Frame.headers(3, Frame.get))
    #expect(server.refusals[1]?.status == status)
    #expect(server.requests[1] == nil && server.requests[3] != nil)
  }

  @Test func `CONNECT is refused`() throws {
    let (server, _) = try server(Frame.headers(1, [(":method", "CONNECT"), (":authority", "example.test:443")]))
    #expect(server.refusals[1]?.status == 405)
  }

  @Test func `what is odd but good is taken`() throws {
    let fields = [
      (":method", "GET"), (":authority", "example.test"), (":path", "/"), (":scheme", "https"), ("te", "trailers"),
      ("host", "EXAMPLE.test"), ("cookie", "a=b"), ("x_y", "1"), ("x.z", "2"), ("cookie", "c=d"),
    ]
    let (server, _) = try server(Frame.headers(1, fields))
    let head = try #require(server.requests[1])
    #expect(head.fields["cookie"] == "a=b; c=d")
    #expect(head.fields["x_y"] == nil && head.fields["x.z"] == nil)
    #expect(head.fields[.host] == "example.test" && head.fields.count(of: .host) == 1)
    #expect(head.isVersion11 && head.framing == .none)
  }

  @Test func `OPTIONS may ask about the server`() throws {
    let (server, _) = try server(
      Frame.headers(1, [(":method", "OPTIONS"), (":scheme", "https"), (":path", "*"), (":authority", "a")]))
    #expect(server.requests[1]?.target == "*")
  }

  @Test func `trailers are dropped`() throws {
    let (server, _) = try server(
      Frame.headers(1, Frame.post, ends: false) + Frame.data(1, [1, 2, 3]) + Frame.headers(1, [("x-sum", "abc")]))
    #expect(server.bodies[1] == [1, 2, 3] && server.ended.contains(1))
    #expect(server.requests[1]?.fields["x-sum"] == nil)
  }

  @Test(arguments: [[("bad name", "x")], [(":path", "/x")], [("x", String(repeating: "a", count: 9_000))]])
  func `bad trailers reset the stream`(fields: [(String, String)]) throws {
    let (server, sent) = try server(
      Frame.headers(1, Frame.post, ends: false) + Frame.data(1, [1]) + Frame.headers(1, fields))
    #expect(frames(of: sent).contains { $0.type == 3 && $0.stream == 1 })
    #expect(!server.ended.contains(1))
  }

  static let connectionErrors: [(String, [UInt8])] = [
    ("DATA on stream 0", Frame.data(0, [1])),
    ("HEADERS on an even stream", Frame.headers(2, get)),
    ("HEADERS on stream 0", Frame.headers(0, get)),
    ("a frame longer than allowed", [1, 0, 0, 0, 0, 0, 0, 0, 1]),
    ("SETTINGS of odd length", Frame.raw(4, 0, 0, [1, 2, 3])),
    ("SETTINGS on a stream", Frame.raw(4, 0, 1)),
    ("an initial window beyond its range", Frame.settings([(4, 0x8000_0000)])),
    ("a frame size below its range", Frame.settings([(5, 100)])),
    ("PING of seven bytes", Frame.raw(6, 0, 0, [1, 2, 3, 4, 5, 6, 7])),
    ("WINDOW_UPDATE of nothing", Frame.windowUpdate(0, 0)),
    ("WINDOW_UPDATE beyond the range", Frame.windowUpdate(0, 0x7fff_ffff)),
    ("RST_STREAM of a stream that never was", Frame.reset(99)),
    ("CONTINUATION out of nowhere", Frame.raw(9, 4, 1, [0])),
    ("PUSH_PROMISE from a client", Frame.raw(5, 4, 1, [0, 0, 0, 2])),
    ("DATA inside a head", Frame.raw(1, 0, 1, Frame.literal(":method", "GET")) + Frame.data(1, [1])),
    ("compression that is none", Frame.raw(1, 5, 1, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])),
    ("a padding longer than the frame", Frame.headers(1, Frame.post, ends: false) + Frame.raw(0, 8, 1, [200, 1])),
  ]

  @Test(arguments: connectionErrors)
  func `frames that break the connection are answered with GOAWAY`(name: String, bytes: [UInt8]) throws {
    let (server, sent) = try server(bytes)
    let code = goAwayCode(in: sent)
    #expect(code != nil && code != .noError, "\(name)")
    #expect(!server.session.isLive, "\(name)")
  }

  @Test func `a client that does not speak HTTP-2 is an error`() throws {
    let server = try HTTP2End(.server)
    server.receive(Array("GET / HTTP/1.1\r\n\r\n_____".utf8))
    #expect(server.failure != nil)
  }

  // MARK: Responses

  private func answered(_ bytes: [UInt8], method: HTTPCore.Method = .get) throws -> (HTTP2End, Int32) {
    let client = try HTTP2End(.client)
    let stream = try client.request(method, "/")
    _ = client.take()
    client.receive(Frame.settings() + bytes)
    _ = client.take()
    return (client, stream)
  }

  static let badResponses: [(String, [(String, String)])] = [
    ("no status", [("x", "y")]),
    ("a status of two digits", [(":status", "20")]),
    ("a status of four digits", [(":status", "2000")]),
    ("a status out of range", [(":status", "700")]),
    ("a signed status", [(":status", "+20")]),
    ("two statuses", [(":status", "200"), (":status", "200")]),
    ("101", [(":status", "101")]),
    ("a request's pseudo-field", [(":status", "200"), (":path", "/")]),
    ("transfer-encoding", [(":status", "200"), ("transfer-encoding", "chunked")]),
    ("an upper-case name", [(":status", "200"), ("X", "y")]),
    ("a control character", [(":status", "200"), ("x", "a\u{1}b")]),
    ("204 with a length", [(":status", "204"), ("content-length", "5")]),
    ("a length without a body", [(":status", "200"), ("content-length", "5")]),
    ("many fields", [(":status", "200")] + (0..<101).map { ("x-\($0)", "") }),
  ]

  @Test(arguments: badResponses)
  func `a malformed response is no response`(name: String, fields: [(String, String)]) throws {
    let (client, stream) = try answered(Frame.headers(1, fields))
    #expect(client.responses[stream] == nil && !client.ended.contains(stream), "\(name)")
    #expect(client.malformed[stream] != nil || client.closed[stream] == .protocolError, "\(name)")
  }

  @Test func `a promise that nobody asked for ends the connection`() throws {
    let client = try HTTP2End(.client)
    _ = try client.request(.get, "/")
    _ = client.take()
    client.receive(Frame.settings() + Frame.settingsAcknowledgement)
    client.receive(Frame.raw(5, 4, 1, [0, 0, 0, 2] + Frame.get.flatMap { Frame.literal($0.0, $0.1) }))
    #expect(goAwayCode(in: client.take()) == .protocolError)
  }

  @Test func `a refused stream is told apart from one that was reset`() throws {
    for code: UInt32 in [7, 2] {
      let (client, stream) = try answered(Frame.reset(1, code: code))
      #expect(client.closed[stream]?.rawValue == code)
    }
  }
}
