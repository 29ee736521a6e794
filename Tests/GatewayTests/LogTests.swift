import EventLoop
import GatewayTestSupport
import Glibc
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(5))) struct LogTests {
  private static func line(_ format: LogFormat, _ body: (LogLine) -> Void) -> String {
    let line = LogLine(format)
    Timestamp.withText(1_769_903_999.999) { line.begin(isGood: true, at: $0) }
    body(line)
    line.end()
    return String(decoding: line.bytes, as: UTF8.self)
  }

  @Test func `a line is JSON, or words and values`() {
    func fill(_ line: LogLine) {
      line.word(.service, "refs" as StaticString)
      line.number(.status, 200)
      line.milliseconds(.total_ms, 12_005_999)
      line.text(.path, "/a b\"\u{1b}\u{2028}ä")
    }
    #expect(
      Self.line(.json, fill)
        == #"{"level":"info","message":"request","time":"2026-01-31T23:59:59.999Z","service":"refs","status":200,"#
        + "\"total_ms\":12.005,\"path\":\"/a b\\\"\\u001b\\u2028ä\"}\n")
    #expect(
      Self.line(.text, fill)
        == #"2026-01-31T23:59:59.999Z info request service=refs status=200 total_ms=12.005 path="/a b\"\u001b\u2028ä""#
        + "\n")
  }

  @Test(arguments: [0, 9, 10, 99, 100, 12_345, UInt64(Int64.max), UInt64.max] as [UInt64])
  func `numbers are written in decimal`(number: UInt64) {
    #expect(Self.line(.text) { line in line.append(number) }.hasSuffix("request\(number)\n"))
  }

  @Test func `no text makes a line long or breaks it`() {
    let line = Self.line(.json) { line in
      for field in [LogField.path, .client, .reason] { line.text(field, String(repeating: "\u{1}", count: 100_000)) }
    }
    #expect(line.utf8.count < 16_384)
    #expect(throws: Never.self) { try JSONTree(parsing: Array(line.utf8)) }
  }

  @Test(arguments: [LogFormat.json, .text])
  func `lines stand one behind the other, whole, until they are taken`(format: LogFormat) throws {
    let lines = LogLine(format)
    for round in 1...2 {
      var written = 0
      while !lines.isFull {
        Timestamp.withText(0) { lines.begin(isGood: written % 2 == 0, at: $0) }
        // Every other one is as long as a line may be.
        if written % 2 == 1 { for _ in 0..<40 { lines.text(.reason, String(repeating: "\u{1}", count: 600)) } }
        lines.number(.status, written)
        lines.end()
        written += 1
      }
      #expect(lines.lineCount == written && written > 2, "round \(round)")
      let texts = String(decoding: lines.bytes, as: UTF8.self).split(separator: "\n")
      #expect(texts.count == written)
      for (number, text) in texts.enumerated() {
        #expect(text.utf8.count < 16_500 && text.contains(number % 2 == 0 ? "info" : "warning"))
        if number % 2 == 0 { #expect(text.contains(format == .json ? "\"status\":\(number)}" : "status=\(number)")) }
      }
      lines.removeAll()
      #expect(lines.bytes.isEmpty && lines.lineCount == 0)
    }
  }

  @Test func `what does not fit is dropped and counted, and the rest comes whole`() throws {
    var ends: [CInt] = [-1, -1]
    #expect(pipe(&ends) == 0)
    #expect(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0)
    let sink = LogSink(descriptor: ends[1])
    let line = String(repeating: "x", count: 1_023) + "\n"
    // Nobody reads: one drain is stuck with at most 1 MiB, and as much again waits.
    for _ in 0..<4_096 { sink.write(line) }
    let dropped = sink.droppedCount
    #expect(dropped >= 4_096 - 2 * 1_024 - 64 && dropped < 4_096)
    var bytes: [UInt8] = []
    var lineCount = 0
    var block = [UInt8](repeating: 0, count: 65_536)
    while lineCount < 4_096 - dropped + 1 {
      let count = read(ends[0], &block, block.count)
      guard count > 0 else { break }
      bytes += block[..<count]
      lineCount += block[..<count].count { $0 == UInt8(ascii: "\n") }
    }
    let lines = bytes.split(separator: UInt8(ascii: "\n"))
    #expect(lines.count { $0.count == 1_023 } == 4_096 - dropped)
    let notice = #"{"level":"warning","message":"log lines dropped","count":\#(dropped)}"#
    #expect(lines.contains { $0.elementsEqual(notice.utf8) })
    for end in ends { close(end) }
  }

  @Test(
    arguments: [
      ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true),
      ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true),
      ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", true),
      ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", false),
      ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more", false),
      ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false),
      ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false),
      ("00-00000000000000000000000000000000-b7ad6b7169203331-01", false),
      ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false),
      ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0", false),
      ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g", false),
      ("00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false), ("", false),
      ("00-0af7651916cd43dd8448eb211c8031\u{e9}-b7ad6b7169203331-01", false),
    ])
  func `only a valid traceparent is a trace`(value: String, isValid: Bool) {
    let trace = TraceContext(value)
    #expect((trace != nil) == isValid)
    if isValid {
      #expect(trace?.traceID == "0af7651916cd43dd8448eb211c80319c" && trace?.parentID == "b7ad6b7169203331")
    }
  }
}
