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
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", 400),
    ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", 400),
    ("Transfer-Encoding: gzip, chunked", 501),
    ("Transfer-Encoding: x;a=b ,\tChunked", 501),
    ("Transfer-Encoding: chunked, chunked", 400),
    ("Transfer-Encoding: chunked, gzip", 400),
    ("Transfer-Encoding: gzip, chunked, chunked", 400),
    ("Transfer-Encoding: identity", 400),
    ("Transfer-Encoding: xchunked", 400),
    ("Transfer-Encoding: chunkedx", 400),
    ("Transfer-Encoding: \"chunked\"", 400),
    ("Transfer-Encoding: chunked;q=1", 400),
    ("Transfer-Encoding: ,chunked", 400),
    ("Transfer-Encoding: chunked,", 400),
    ("Transfer-Encoding: chun ked", 400),
    ("Transfer-Encoding: \u{b}chunked", 400),
    ("Transfer-Encoding:", 400),
    ("Content-Length: 5\r\nTransfer-Encoding: gzip, chunked", 400),
    ("Transfer-Encoding: gzip, chunked\r\nContent-Length: 5", 400),
    ("Transfer-Encoding: chunked\r\nContent-Length: x", 400),
    ("Content-Length: 1e3", 400),
    ("Content-Length: 5;", 400),
    ("Content-Length: \u{663}", 400),
    ("content-LENGTH: 5\r\nCONTENT-length: 5", 400),
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
    ("Connection: close\r\nConnection: transfer-encoding", 400),
    ("Connection: content-encoding", 400),
    ("Connection: expect", 400),
    ("Connection: connection", 400),
    ("Connection: a b", 400),
    ("Connection: \"close\"", 400),
  ])
  func `a bad field line`(_ lines: String, _ status: Int) {
    let text = "POST / HTTP/1.1\r\nHost: localhost\r\n\(lines)\r\n\r\n"
    #expect(refusal(of: text) == status)
    expectSameVerdict(of: text, status)
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
    ("GET http:///x HTTP/1.1", 400),
    ("GET http://localhost.evil.test/ HTTP/1.1", 400),
    ("GET http://localhost%2f/ HTTP/1.1", 400),
    ("GET //localhost/ HTTP/1.1\u{b}", 400),
    ("\u{80}GET / HTTP/1.1", 400),
    ("(GET / HTTP/1.1", 400),
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
    expectSameVerdict(of: "\(line)\r\nHost: localhost\r\n\r\n", status)
  }

  @Test(
    arguments: [
      "no.slash/here", "user@localhost", "a b", "a,b", "a?b", "a#b", "a\\b", "ä", "a\u{7f}", ":80", "a:b", "a:-1",
      "a:65536", "a:000080", "a:80:80", "a:80 ", "[::1", "::1", "[]", "[1]", "[::1]x", "[::1]:x", "[g::1]",
      "[fe80::1%25eth0]",
      "a%2eb", "<a>", "a\"b", "a'b", "a;b", "a=b", "a&b", "*", String(repeating: "a", count: 256),
    ].filter { !$0.hasSuffix(" ") })
  func `a bad host`(_ host: String) {
    #expect(refusal(of: "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n") == 400)
  }

  @Test(arguments: [
    "a", "A.b-c_d.", "localhost:7080", "127.0.0.1:", "127.0.0.1:65535", "[::1]", "[::FFFF:127.0.0.1]:80", "",
    String(repeating: "a", count: 255),
  ])
  func `a good host`(_ host: String) {
    #expect(refusal(of: "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n") == nil)
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

  /// What a scanner says to the first bytes of something that is no HTTP and has no line end yet.
  @Test(arguments: [
    ([0x16, 0x03, 0x01, 0x02, 0x00, 0x01], "TLS"), ([0x16], "TLS"), (Array("SSH-2.0-OpenSSH_9.2p1".utf8), "SSH"),
    (Array("SSH-".utf8), "SSH"), ([0x00], "start line"), ([0x80, 0x2e], "start line"), ([0xff], "start line"),
    (Array("{".utf8), "start line"),
  ])
  func `another protocol is told at its first bytes`(_ bytes: [UInt8], _ says: String) {
    let read = { (bytes: UnsafeRawBufferPointer) throws(HTTPParseError) in try RequestHead(parsing: bytes) }
    let error = #expect(throws: HTTPParseError.self) { try parse(bytes, read) }
    #expect(error?.status == 400)
    #expect(error?.reason.contains(says) == true, "\(String(describing: error))")
  }

  @Test(arguments: ["S", "SSH", "SEARCH / HTTP/1.1\r\n"])
  func `the beginning of a head waits for the rest`(_ text: String) throws {
    let read = { (bytes: UnsafeRawBufferPointer) throws(HTTPParseError) in try RequestHead(parsing: bytes) }
    #expect(try parse(text.utf8, read) == nil)
  }

  /// Hands a head over in two parts, split at every place: each must be refused in the same way.
  private func expectSameVerdict(of text: String, _ status: Int) {
    withBytes(of: Array(text.utf8)) { bytes in
      for split in 0...bytes.count {
        var scanner = HeadScanner()
        do throws(HTTPParseError) {
          for part in [split, bytes.count] {
            guard let end = try scanner.end(in: UnsafeRawBufferPointer(rebasing: bytes[..<part])) else { continue }
            _ = try RequestHead(parsing: UnsafeRawBufferPointer(rebasing: bytes[..<end]))
            break
          }
          Issue.record("taken when split at \(split)")
        } catch {
          #expect(error.status == status, "split at \(split)")
        }
      }
    }
  }
}
