import HTTPCore
import Testing

@Suite
struct RequestRefusalTests {
  /// Field lines that are refused behind a good request line and Host, and the status.
  @Test(arguments: [
    ("Content-Length: 5\r\nContent-Length: 5", 400),
    ("Content-Length: 5\r\nContent-Length: 6", 400),
    ("Content-Length: 5, 5", 400),
    ("Content-Length: +5", 400),
    ("Content-Length: -5", 400),
    ("Content-Length: 0x5", 400),
    ("Content-Length: 5a", 400),
    ("Content-Length: 5 5", 400),
    ("Content-Length: 5.0", 400),
    ("Content-Length:", 400),
    ("Content-Length: 9223372036854775808", 400),
    ("Content-Length: 9999999999999999999", 400),
    ("Content-Length: 18446744073709551616", 400),
    ("Content-Length: 5\r\nTransfer-Encoding: chunked", 400),
    ("Transfer-Encoding: chunked\r\nContent-Length: 5", 400),
    ("Transfer-Encoding: chunked\r\nContent-Length: 0", 400),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
    ("Transfer-Encoding: gzip, chunked", 501),
    ("Transfer-Encoding: chunked, chunked", 501),
    ("Transfer-Encoding: identity", 501),
    ("Transfer-Encoding: xchunked", 501),
    ("Transfer-Encoding: \"chunked\"", 501),
    ("Transfer-Encoding: \u{b}chunked", 400),
    ("Transfer-Encoding:", 501),
    ("A: b\r\n c", 400),
    ("A: b\r\n\tc", 400),
    (" A: b", 400),
    ("A : b", 400),
    ("Content-Length : 5", 400),
    ("A\t: b", 400),
    (": b", 400),
    ("A", 400),
    ("A b: c", 400),
    ("A\"b: c", 400),
    ("Ä: c", 400),
    ("A: b\rc", 400),
    ("A: \rb", 400),
    ("\rA: b", 400),
    ("A: b\nB: c", 400),
    ("A: b\n", 400),
    ("A: b\u{0}", 400),
    ("A\u{0}: b", 400),
    ("A: \u{1}", 400),
    ("A: \u{7f}", 400),
    ("Host: other.test", 400),
    ("Host: localhost", 400),
    ("Expect: 200-ok", 417),
    ("Expect: 100-continue, other", 417),
    ("Expect: 100-continue\r\nExpect: 100-continue", 417),
    ("Expect:", 417),
    ("Connection: content-length", 400),
    ("Connection: close, Transfer-Encoding", 400),
    ("Connection: \tHOST ,close", 400),
  ])
  func `a bad field line`(_ lines: String, _ status: Int) {
    #expect(refusal(of: "POST / HTTP/1.1\r\nHost: localhost\r\n\(lines)\r\n\r\n") == status)
  }

  /// Whole request lines, with a good Host behind.
  @Test(arguments: [
    ("", 400),
    (" GET / HTTP/1.1", 400),
    ("GET", 400),
    ("GET /", 400),
    ("GET  / HTTP/1.1", 400),
    ("GET /  HTTP/1.1", 400),
    ("GET / HTTP/1.1 ", 400),
    ("GET\t/ HTTP/1.1", 400),
    ("GET /a b HTTP/1.1", 400),
    ("GET /\u{1} HTTP/1.1", 400),
    ("GET /\u{0} HTTP/1.1", 400),
    ("GET /\u{7f} HTTP/1.1", 400),
    ("GET /ä HTTP/1.1", 400),
    ("GET /\r HTTP/1.1", 400),
    ("G(T / HTTP/1.1", 400),
    ("GET /#part HTTP/1.1", 400),
    ("GET path HTTP/1.1", 400),
    ("GET * HTTP/1.1", 400),
    ("GET ftp://localhost/ HTTP/1.1", 400),
    ("GET http:/localhost/ HTTP/1.1", 400),
    ("GET http://other.test/ HTTP/1.1", 400),
    ("GET http://user@localhost/ HTTP/1.1", 400),
    ("GET http://localhost:81/ HTTP/1.1", 400),
    ("GET http:// HTTP/1.1", 400),
    ("GET http://localhost/#x HTTP/1.1", 400),
    ("CONNECT localhost:443 HTTP/1.1", 405),
    ("get / HTTP/1.1", 501),
    ("Get / HTTP/1.1", 501),
    ("BREW / HTTP/1.1", 501),
    ("GET / HTTP/2.0", 505),
    ("GET / HTTP/0.9", 505),
    ("GET / HTTP/3.0", 505),
    ("GET / http/1.1", 400),
    ("GET / HTTP/11", 400),
    ("GET / HTTP/1,1", 400),
    ("GET / HTTP/1.1x", 400),
    ("GET / HTTP/1.10", 400),
    ("GET / HTTP/1", 400),
    ("GET / HTTP/x.y", 400),
    ("GET / ", 400),
  ])
  func `a bad request line`(_ line: String, _ status: Int) {
    #expect(refusal(of: "\(line)\r\nHost: localhost\r\n\r\n") == status)
  }

  @Test(arguments: [
    "no.slash/here", "user@localhost", "a b", "a,b", "a?b", "a#b", "a\\b", "ä", "a\u{7f}",
  ])
  func `a bad host`(_ host: String) {
    #expect(refusal(of: "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n") == 400)
  }

  @Test func `HTTP,1,1 needs a host, 1,0 does not`() {
    #expect(refusal(of: "GET / HTTP/1.1\r\n\r\n") == 400)
    #expect(refusal(of: "GET / HTTP/1.0\r\n\r\n") == nil)
    #expect(refusal(of: "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n") == 400)
  }

  @Test func `HTTP,1,0 knows no chunks`() {
    #expect(refusal(of: "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == 400)
  }

  @Test func `a lone LF is refused as soon as it comes`() {
    #expect(refusal(of: "GET / HTTP/1.1\n") == 400)
    #expect(refusal(of: "\n") == 400)
  }
}
