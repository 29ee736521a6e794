import GitProtocol
import Testing

@Suite struct PushReportReaderTests {
  private static let lines = [
    "unpack ok\n", "ok refs/heads/main\n", "ng refs/heads/old stale info\n", "ng refs/heads/x\n",
  ]

  private static func packets(_ lines: [String]) -> [UInt8] {
    var bytes: [UInt8] = []
    for line in lines { PktLine.append(Array(line.utf8)[...], to: &bytes) }
    return bytes + PktLine.flush
  }

  @Test(arguments: [false, true])
  func `a report is read in whatever pieces it comes`(isSideband: Bool) {
    var bytes = Self.packets(Self.lines)
    if isSideband {
      var wrapped: [UInt8] = []
      Sideband.progress.append(Array("unpacking\n".utf8), to: &wrapped)
      // The report may be spread over packets, anywhere.
      Sideband.data.append(bytes[..<7], to: &wrapped)
      Sideband.data.append(bytes[7...], to: &wrapped)
      bytes = wrapped + PktLine.flush
    }
    for cut in 0...bytes.count {
      var report = PushReportReader(isSideband: isSideband)
      for piece in [bytes[..<cut], bytes[cut...]] { piece.withUnsafeBytes { report.take($0) } }
      #expect(report.unpack == "ok")
      #expect(
        report.results == [
          "refs/heads/main": nil, "refs/heads/old": "stale info", "refs/heads/x": "rejected",
        ])
    }
  }

  @Test func `a report that is cut, or is none, says what it says`() {
    let bytes = Self.packets(Self.lines)
    for end in 0..<bytes.count {
      var report = PushReportReader(isSideband: false)
      bytes[..<end].withUnsafeBytes { report.take($0) }
      #expect(report.results.count <= 3 && (report.unpack == nil) == (end < 14))
    }
    var report = PushReportReader(isSideband: true)
    Array("PACK0000....".utf8).withUnsafeBytes { report.take($0) }
    #expect(report.unpack == nil && report.results.isEmpty)
  }
}
