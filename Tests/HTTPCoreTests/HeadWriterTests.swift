import HTTPCore
import Testing

@Suite
struct HeadWriterTests {
  private func written(room: Int = 1024, _ compose: (inout HeadWriter) -> Void) -> String? {
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 1)
    defer { block.deallocate() }
    var writer = HeadWriter(block)
    compose(&writer)
    return writer.isOverrun ? nil : String(decoding: block[..<writer.count], as: UTF8.self)
  }

  @Test(arguments: [
    (Method.get, BodyFraming.none, "GET /x HTTP/1.1\r\n"),
    (.head, .none, "HEAD /x HTTP/1.1\r\n"),
    (.delete, .none, "DELETE /x HTTP/1.1\r\n"),
    (.post, .none, "POST /x HTTP/1.1\r\ncontent-length: 0\r\n"),
    (.put, .none, "PUT /x HTTP/1.1\r\ncontent-length: 0\r\n"),
    (.patch, .length(7), "PATCH /x HTTP/1.1\r\ncontent-length: 7\r\n"),
    (.post, .chunked, "POST /x HTTP/1.1\r\ntransfer-encoding: chunked\r\n"),
  ])
  func `a request begins with its line and framing`(_ method: HTTPCore.Method, _ framing: BodyFraming, _ text: String) {
    #expect(written { $0.begin(method, "/x", framing) } == text)
  }

  @Test(arguments: [
    (200, BodyFraming.length(.max), "HTTP/1.1 200 OK\r\ncontent-length: 9223372036854775807\r\n"),
    (200, .none, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n"),
    (204, .none, "HTTP/1.1 204 No Content\r\n"),
    (304, .none, "HTTP/1.1 304 Not Modified\r\n"),
    (100, .none, "HTTP/1.1 100 Continue\r\n"),
    (200, .chunked, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n"),
    (502, .untilClose, "HTTP/1.1 502 Bad Gateway\r\n"),
    (299, .untilClose, "HTTP/1.1 299 Status\r\n"),
  ])
  func `a response begins with its line and framing`(_ status: Int, _ framing: BodyFraming, _ text: String) {
    #expect(written { $0.begin(status: status, framing) } == text)
  }

  @Test func `fields and the empty line follow`() throws {
    var fields = Fields([(.contentType, "text/plain"), (.cacheControl, "no-store")])
    fields.append(.allow, "GET")
    let text = written { writer in
      writer.begin(.get, "/", .none)
      writer.append(.host, "a")
      writer.append(fields)
      writer.end()
    }
    let head = try parseRequest(try #require(text))
    #expect(head.fields.list.map(\.value) == ["a", "text/plain", "no-store", "GET"])
  }

  @Test(arguments: [(0, "0"), (1, "1"), (15, "f"), (16, "10"), (65_536, "10000"), (Int.max, "7fffffffffffffff")])
  func `a chunk size is hexadecimal`(_ size: Int, _ text: String) {
    #expect(written { $0.appendChunkSize(size) } == text + "\r\n")
  }

  @Test(arguments: [0, 9, 10, 12_345, .max])
  func `a number is decimal`(_ number: Int) { #expect(written { $0.append(number) } == "\(number)") }

  @Test func `what does not fit is told, not written`() {
    #expect(written(room: 4) { $0.append("1234" as StaticString) } == "1234")
    #expect(written(room: 4) { $0.append("12345" as StaticString) } == nil)
    #expect(written(room: 0) { $0.end() } == nil)
  }

  @Test func `a second head goes behind the first`() {
    let text = written { writer in
      writer.append("HTTP/1.1 100 Continue\r\n\r\n" as StaticString)
      writer.begin(status: 204, .none)
      writer.end()
    }
    #expect(text == "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
  }

  @Test(arguments: [
    ("a\r\nX: y", "a  X: y"), ("a\nb", "a b"), ("\0", " "), ("\u{1b}[31m", " [31m"), ("a\tb \u{e4}", "a\tb \u{e4}"),
    ("\u{7f}", " "), ("", ""),
  ])
  func `no value ends its line`(_ value: String, _ written: String) {
    #expect(self.written { $0.append(.host, value) } == "host: \(written)\r\n")
  }

  @Test(arguments: [
    ("/a b", "/a%20b"), ("/a\r\nHost: x", "/a%0D%0AHost:%20x"), ("/\0", "/%00"), ("/\u{e4}", "/%C3%A4"),
    ("/a?b=c", "/a?b=c"),
  ])
  func `no target ends its line`(_ target: String, _ written: String) {
    #expect(self.written { $0.begin(.get, target, .none) } == "GET \(written) HTTP/1.1\r\n")
  }

  @Test func `a value that does not fit is told, and nothing behind the block is touched`() {
    #expect(written(room: 12) { $0.append(.host, "\r\n\r\n") } == "host:     \r\n")
    #expect(written(room: 9) { $0.append(.host, "\r\n\r\n") } == nil)
  }
}
