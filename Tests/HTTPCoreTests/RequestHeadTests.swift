import HTTPCore
import Testing

@Suite
struct RequestHeadTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let text: String
    var method = Method.get
    var target = "/"
    var framing = BodyFraming.none
    var isVersion11 = true
    var keepsAlive = true
    var namesHopFields = false
    var expectsContinue = false
    var testDescription: String { text }
  }

  static let cases = [
    Case(text: "GET / HTTP/1.1\r\nHost: a\r\n"),
    Case(text: "HEAD /a/b?c=d&e HTTP/1.1\r\nHost: a\r\n", method: .head, target: "/a/b?c=d&e"),
    Case(text: "OPTIONS * HTTP/1.1\r\nHost: a\r\n", method: .options, target: "*"),
    Case(text: "GET /%00\"<>^`{|} HTTP/1.1\r\nHost: a\r\n", target: "/%00\"<>^`{|}"),
    Case(text: "GET //a HTTP/1.1\r\nHost: a\r\n", target: "//a"),
    Case(text: "GET http://a:80/x?y HTTP/1.1\r\nHost: a:80\r\n", target: "/x?y"),
    Case(text: "GET HTTPS://A HTTP/1.1\r\nhOST: a\r\n", target: "/"),
    Case(text: "GET http://a?q HTTP/1.1\r\nHost: a\r\n", target: "/?q"),
    Case(text: "GET http://[::1]:8080/ HTTP/1.1\r\nHost: [::1]:8080\r\n"),
    Case(text: "GET / HTTP/1.0\r\n", isVersion11: false, keepsAlive: false),
    Case(text: "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n", isVersion11: false),
    Case(text: "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n", isVersion11: false, keepsAlive: false),
    Case(text: "GET / HTTP/1.7\r\nHost: a\r\n"),
    Case(text: "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", keepsAlive: false),
    Case(
      text: "GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nconnection:\t, CLOSE ,\r\n", keepsAlive: false,
      namesHopFields: true),
    Case(text: "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, keep-alive\r\n", namesHopFields: true),
    Case(text: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n", method: .post, framing: .length(5)),
    Case(text: "POST / HTTP/1.1\r\nHost: a\r\ncontent-length:0005 \t\r\n", method: .post, framing: .length(5)),
    Case(text: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n", method: .post),
    Case(
      text: "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n", method: .put,
      framing: .length(.max)),
    Case(text: "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n", method: .post, framing: .chunked),
    Case(
      text: "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n", method: .post,
      framing: .length(1), expectsContinue: true),
    Case(text: "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n", method: .post),
    Case(
      text: "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n", method: .post, framing: .length(1),
      isVersion11: false, keepsAlive: false),
    Case(text: "TRACE / HTTP/1.1\r\nHost:\r\n", method: .trace),
    Case(text: "DELETE / HTTP/1.1\r\nHost: a\r\ncontent_length: 5\r\ntransfer.encoding: chunked\r\n", method: .delete),
    Case(text: "PATCH / HTTP/1.1\r\nHost: a\r\nX: \u{e4}\tb\r\nY:\r\n", method: .patch),
  ]

  @Test(arguments: cases)
  func `a good head says what it says`(_ example: Case) throws {
    let head = try parseRequest(example.text + "\r\n")
    #expect(head.method == example.method)
    #expect(head.target == example.target)
    #expect(head.framing == example.framing)
    #expect(head.isVersion11 == example.isVersion11)
    #expect(head.keepsAlive == example.keepsAlive)
    #expect(head.namesHopFields == example.namesHopFields)
    #expect(head.expectsContinue == example.expectsContinue)
  }

  @Test(arguments: cases)
  func `a head is found wherever it is split`(_ example: Case) throws {
    try expectEveryPlaceFindsTheEnd(of: example.text + "\r\n")
  }

  @Test func `fields keep their order and values, names become lower-case`() throws {
    let head = try parseRequest(
      "GET / HTTP/1.1\r\nHOST: a\r\nX-One:  1 \t\r\nx-two:2\r\nX-ONE: \"a, b\"\r\nempty:\r\n\r\n")
    #expect(
      head.fields.list.map { "\($0.name)=\($0.value)" } == ["host=a", "x-one=1", "x-two=2", "x-one=\"a, b\"", "empty="])
  }

  @Test func `names that servers fold into one another are dropped`() throws {
    let head = try parseRequest("GET / HTTP/1.1\r\nHost: a\r\nX_Auth: 1\r\nX.Auth: 2\r\n_: 3\r\nx-auth: 4\r\n\r\n")
    #expect(head.fields.list.map(\.name) == ["host", "x-auth"])
  }

  @Test(
    arguments: [("/a?b?c", "/a", "b?c"), ("/a", "/a", nil), ("/?", "/", ""), ("*", "*", nil)]
      as [(String, String, String?)])
  func `a target is a path and a query`(_ target: String, _ path: String, _ query: String?) {
    let head = RequestHead(.get, target)
    #expect(head.path == path)
    #expect(head.query.map(String.init) == query)
  }
}
