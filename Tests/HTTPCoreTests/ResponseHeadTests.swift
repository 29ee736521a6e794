import HTTPCore
import Testing

@Suite
struct ResponseHeadTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let text: String
    var method = Method.get
    var status = 200
    var framing = BodyFraming.none
    var keepsAlive = true
    var testDescription: String { "\(method.rawValue): \(text)" }
  }

  static let cases = [
    Case(text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", framing: .length(5)),
    Case(text: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"),
    Case(text: "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n", framing: .chunked),
    Case(text: "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n", framing: .chunked),
    Case(text: "HTTP/1.1 200 Zu sp\u{e4}t\t!\r\nContent-Length: 0\r\n"),
    Case(text: "HTTP/1.1 200 OK\r\n", framing: .untilClose, keepsAlive: false),
    Case(text: "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n", framing: .untilClose, keepsAlive: false),
    Case(text: "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n", framing: .length(5), keepsAlive: false),
    Case(text: "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n", framing: .length(5)),
    Case(text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n", framing: .length(5), keepsAlive: false),
    Case(text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", method: .head),
    Case(text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", method: .head),
    Case(text: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n", status: 304),
    Case(text: "HTTP/1.1 204 No Content\r\n", status: 204),
    Case(text: "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n", status: 204),
    Case(text: "HTTP/1.1 100 Continue\r\n", status: 100),
    Case(text: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n", status: 103),
    Case(text: "HTTP/1.1 599 ?\r\nContent-Length: 1\r\n", status: 599, framing: .length(1)),
  ]

  @Test(arguments: cases)
  func `a good head says what it says`(_ example: Case) throws {
    let head = try parseResponse(example.text + "\r\n", to: example.method)
    #expect(head.status == example.status)
    #expect(head.framing == example.framing)
    #expect(head.keepsAlive == example.keepsAlive)
  }

  @Test(arguments: cases)
  func `a head is found wherever it is split`(_ example: Case) throws {
    try expectEveryPlaceFindsTheEnd(of: example.text + "\r\n", followedBy: "\r\nbody\n")
  }

  @Test(arguments: [
    "\r\n",
    "HTTP/1.1\r\n\r\n",
    "HTTP/1.1 \r\n\r\n",
    "HTTP/1.1 2\r\n\r\n",
    "HTTP/1.1 20\r\n\r\n",
    "HTTP/1.1 20x OK\r\n\r\n",
    "HTTP/1.1 2000 OK\r\n\r\n",
    "HTTP/1.1 200OK\r\n\r\n",
    "HTTP/1.1  200 OK\r\n\r\n",
    "HTTP/1.1\t200 OK\r\n\r\n",
    "HTTP/1.1 099 OK\r\n\r\n",
    "HTTP/1.1 600 OK\r\n\r\n",
    "HTTP/1.1 +20 OK\r\n\r\n",
    "HTTP/1.1 200 O\u{1}K\r\n\r\n",
    "HTTP/1.1 200 O\rK\r\n\r\n",
    "HTTP/2.0 200 OK\r\n\r\n",
    "HTTP/2 200\r\n\r\n",
    "ICY 200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\nB: c\r\n\r\n",
    "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\rB: c\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: \u{0}\r\n\r\n",
    "HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 5\r\n\r\n",
    "\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    "\u{15}\u{3}\u{1}",
    "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n",
  ])
  func `a head that can be read in two ways is refused`(_ text: String) {
    #expect(throws: HTTPParseError.self) { try parseResponse(text) }
  }
}
