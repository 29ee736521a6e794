import HTTPCore
import Testing

@Suite
struct BodyDecoderTests {
  /// What a decoder made of some bytes.
  struct Outcome: Equatable {
    var body: [UInt8] = []
    var used = 0
    var isComplete = false
    /// The status of the error.
    var failure: Int?
  }

  /// Decodes bytes that come in parts of which each is as long as `lengths` says; the last takes what is left.
  private func decode(_ framing: BodyFraming, _ bytes: [UInt8], in lengths: [Int]) -> Outcome {
    var decoder = BodyDecoder(framing)
    var outcome = Outcome()
    var start = 0
    for length in lengths + [bytes.count] where start < bytes.count {
      let part = bytes[start..<min(bytes.count, start + length)]
      start = part.endIndex
      withBytes(of: part) { part in
        var position = 0
        do throws(HTTPParseError) {
          while let run = try decoder.next(in: part, at: &position) {
            #expect(!run.isEmpty)
            outcome.body += run
          }
        } catch {
          outcome.failure = error.status
        }
        outcome.used += position
      }
      if outcome.failure != nil || decoder.isComplete { break }
    }
    outcome.isComplete = decoder.isComplete
    return outcome
  }

  private func expect(
    _ framing: BodyFraming, _ text: String, _ expected: Outcome, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let bytes = Array(text.utf8)
    #expect(decode(framing, bytes, in: []) == expected, sourceLocation: sourceLocation)
    for split in 0...bytes.count {
      #expect(decode(framing, bytes, in: [split]) == expected, "split at \(split)", sourceLocation: sourceLocation)
    }
    let single = decode(framing, bytes, in: Array(repeating: 1, count: bytes.count))
    #expect(single == expected, "byte by byte", sourceLocation: sourceLocation)
  }

  @Test(arguments: [
    (BodyFraming.none, "GET", "", 0),
    (.length(0), "GET", "", 0),
    (.length(5), "helloGET", "hello", 5),
    (.chunked, "0\r\n\r\nGET", "", 5),
    (.chunked, "5\r\nhello\r\n0\r\n\r\nGET", "hello", 15),
    (.chunked, "00005\r\nhello\r\n000\r\n\r\n", "hello", 21),
    (.chunked, "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", 35),
    (.chunked, "1;a=b;c=\"d\\\"\";e\r\nx\r\n0;f\r\n\r\n", "x", 27),
    (.chunked, "1\r\n\n\r\n0\r\n\r\n", "\n", 11),
    (.chunked, "0\r\nA: b\r\nC:\r\n\r\nGET", "", 15),
  ])
  func `a whole body ends where it ends`(_ framing: BodyFraming, _ text: String, _ body: String, _ used: Int) {
    expect(framing, text, Outcome(body: Array(body.utf8), used: used, isComplete: true))
  }

  @Test(arguments: [
    (BodyFraming.length(10), "hello", "hello"),
    (.length(.max), "hello", "hello"),
    (.untilClose, "hello\r\n\r\n", "hello\r\n\r\n"),
    (.chunked, "5\r\nhel", "hel"),
    (.chunked, "5\r\nhello\r\n0\r\n", "hello"),
    (.chunked, "7fffffffffffffff\r\nhello", "hello"),
    (.chunked, "0000000000000005\r\nhello", "hello"),
  ])
  func `a body that goes on waits for more`(_ framing: BodyFraming, _ text: String, _ body: String) {
    expect(framing, text, Outcome(body: Array(body.utf8), used: text.utf8.count))
  }

  @Test(arguments: [
    ("\r\n", 0, ""), (";a\r\n", 0, ""), (" 5\r\n", 0, ""), ("+5\r\n", 0, ""), ("-5\r\n", 0, ""), ("0x5\r\n", 1, ""),
    ("g\r\n", 0, ""), ("5 \r\n", 1, ""), ("5\n", 1, ""), ("5\rx", 2, ""), ("5;a\n", 3, ""), ("5;\u{0}\r\n", 2, ""),
    ("5;a\rb\r\n", 4, ""),
    ("8000000000000000\r\n", 15, ""), ("ffffffffffffffff\r\n", 15, ""), ("10000000000000000\r\n", 16, ""),
    ("00000000000000000\r\n", 16, ""),
    ("1\r\nxy", 4, "x"), ("1\r\nx\n", 4, "x"), ("1\r\nx\ry", 5, "x"), ("1\r\nx0\r\n\r\n", 4, "x"),
    ("0\r\n\n", 3, ""), ("0\r\n\rx", 4, ""), ("0\r\n b: c\r\n\r\n", 3, ""), ("0\r\n: c\r\n\r\n", 3, ""),
    ("0\r\na: b\nc: d\r\n\r\n", 7, ""), ("0\r\na: \u{0}\r\n\r\n", 6, ""), ("0\r\na: b\rc\r\n\r\n", 8, ""),
    ("0\r\nGET / HTTP/1.1\r\n\r\n", 6, ""), ("0\r\na\r\n\r\n", 4, ""), ("0\r\na : b\r\n\r\n", 4, ""),
  ])
  func `a broken chunk is refused at the byte that breaks it`(_ text: String, _ used: Int, _ body: String) {
    expect(.chunked, text, Outcome(body: Array(body.utf8), used: used, failure: 400))
  }

  /// Feeds all of `text`. Returns what it is refused with.
  private func drain(_ decoder: inout BodyDecoder, _ text: String) -> HTTPParseError? {
    withBytes(of: text.utf8) { bytes in
      var position = 0
      do throws(HTTPParseError) {
        while try decoder.next(in: bytes, at: &position) != nil {}
        return nil
      } catch { return error }
    }
  }

  @Test func `a decoder that has refused goes on refusing`() {
    // The second part would be a whole body to a decoder that forgot where it was.
    var decoder = BodyDecoder(.chunked)
    #expect(drain(&decoder, "8\r\n") == nil)
    let second = "0\r\n\r\nGET\r\nxyz"
    #expect(drain(&decoder, second) == HTTPParseError("a bad chunk size"))
    #expect(drain(&decoder, second) == HTTPParseError("a bad chunk size"))
    #expect(!decoder.isComplete)
    #expect(throws: HTTPParseError.self) { try decoder.endOfStream() }
  }

  @Test func `the extensions of a chunk are bounded`() {
    let longest = ";" + String(repeating: "x", count: MessageLimits.chunkExtensionBytes - 1)
    #expect(decode(.chunked, Array("1\(longest)\r\nx\r\n0\(longest)\r\n\r\n".utf8), in: []).isComplete)
    #expect(decode(.chunked, Array("1\(longest)x\r\nx\r\n0\r\n\r\n".utf8), in: []).failure == 400)
  }

  @Test func `trailers are bounded in all`() {
    let line = "a: " + String(repeating: "x", count: 509)
    let most = Array(repeating: line, count: MessageLimits.trailerBytes / 512).joined(separator: "\r\n")
    #expect(decode(.chunked, Array("0\r\n\(most)\r\n\r\n".utf8), in: []).isComplete)
    #expect(decode(.chunked, Array("0\r\n\(most)\r\na\r\n\r\n".utf8), in: []).failure == 431)
  }

  @Test(arguments: [
    (BodyFraming.none, "", true), (.length(5), "hell", false), (.length(5), "hello", true), (.untilClose, "", true),
    (.untilClose, "hello", true), (.chunked, "", false), (.chunked, "5\r\nhello\r\n", false),
    (.chunked, "0\r\n", false), (.chunked, "0\r\n\r\n", true),
  ])
  func `the end of the stream ends only what may be ended by it`(
    _ framing: BodyFraming, _ text: String, _ isWhole: Bool
  )
    throws
  {
    var decoder = BodyDecoder(framing)
    #expect(drain(&decoder, text) == nil)
    if isWhole {
      try decoder.endOfStream()
      #expect(decoder.isComplete)
    } else {
      #expect(throws: HTTPParseError("the body was cut")) { try decoder.endOfStream() }
    }
  }

  @Test func `the length that is left is told where it is known`() {
    var decoder = BodyDecoder(.length(5))
    #expect(decoder.remainingLength == 5)
    #expect(drain(&decoder, "abc") == nil)
    #expect(decoder.remainingLength == 2)
    #expect(BodyDecoder(.chunked).remainingLength == nil)
    #expect(BodyDecoder(.untilClose).remainingLength == nil)
    #expect(BodyDecoder(.none).remainingLength == 0)
  }
}
