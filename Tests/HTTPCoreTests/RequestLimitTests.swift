import HTTPCore
import Testing

@Suite
struct RequestLimitTests {
  private func request(target: String = "/", fields: String) -> String {
    "GET \(target) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
  }

  /// What a scanner says to the first bytes of a head that never ends.
  private func refusal(ofUnended text: String) -> Int? {
    do {
      let read = { (bytes: UnsafeRawBufferPointer) throws(HTTPParseError) in try RequestHead(parsing: bytes) }
      return try parse(text.utf8, read) == nil ? nil : 200
    } catch {
      return (error as? HTTPParseError)?.status
    }
  }

  @Test func `the longest target is taken, a longer one is 414`() throws {
    let longest = "/" + String(repeating: "x", count: MessageLimits.targetBytes - 1)
    #expect(try parseRequest(request(target: longest, fields: "")).target == longest)
    #expect(HTTPCoreTests.refusal(of: request(target: longest + "x", fields: "")) == 414)
    #expect(HTTPCoreTests.refusal(of: request(target: longest + String(repeating: "x", count: 500), fields: "")) == 414)
  }

  @Test func `a start line that does not end is 414 before it fills the memory`() {
    #expect(refusal(ofUnended: "GET /" + String(repeating: "x", count: MessageLimits.targetBytes)) == nil)
    #expect(refusal(ofUnended: "GET /" + String(repeating: "x", count: MessageLimits.targetBytes + 100)) == 414)
  }

  @Test func `the longest head is taken, a longer one is 431`() throws {
    let empty = request(fields: "A: \r\n").utf8.count
    let room = MessageLimits.headBytes - empty
    let longest = request(fields: "A: " + String(repeating: "x", count: room) + "\r\n")
    #expect(longest.utf8.count == MessageLimits.headBytes)
    #expect(try parseRequest(longest).fields.count == 2)
    #expect(HTTPCoreTests.refusal(of: request(fields: "A: " + String(repeating: "x", count: room + 1) + "\r\n")) == 431)
    #expect(refusal(ofUnended: "GET / HTTP/1.1\r\nA: " + String(repeating: "x", count: 16_384)) == 431)
  }

  @Test func `a hundred fields are taken, more are 431`() throws {
    // Host is one of them.
    let most = String(repeating: "A: b\r\n", count: MessageLimits.fieldCount - 1)
    #expect(try parseRequest(request(fields: most)).fields.count == MessageLimits.fieldCount)
    #expect(HTTPCoreTests.refusal(of: request(fields: most + "A: b\r\n")) == 431)
    #expect(refusal(ofUnended: "GET / HTTP/1.1\r\n" + String(repeating: "A: b\r\n", count: 200)) == 431)
  }

  @Test func `fields with odd names count, too`() {
    #expect(HTTPCoreTests.refusal(of: request(fields: String(repeating: "a_b: c\r\n", count: 100))) == 431)
  }
}
