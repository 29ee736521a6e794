/// What receive-pack answers to a push, read as it passes: which refs it has updated.
///
/// Source: gitprotocol-pack, report status.
package struct PushReportReader: Sendable {
  /// Most bytes that are looked at, of the answer and of the report in it; a report that is longer is read that far.
  private static let maxBytes = 262_144

  private var bytes: [UInt8] = []
  private let isSideband: Bool

  /// - Parameter isSideband: the client has asked for sideband, in whose first band the report then is.
  package init(isSideband: Bool) { self.isSideband = isSideband }

  /// Takes the next bytes of the answer.
  package mutating func take(_ piece: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: piece.prefix(Self.maxBytes - bytes.count))
  }

  /// The line about the pack: `ok`, or why it was not taken. Nil when there is no report.
  package var unpack: String? { lines.first { $0.hasPrefix("unpack ") }.map { String($0.dropFirst(7)) } }

  /// For each ref of the report nil when it was updated, else why not.
  package var results: [String: String?] {
    var results: [String: String?] = [:]
    for line in lines {
      if line.hasPrefix("ok ") {
        results[String(line.dropFirst(3))] = .some(nil)
      } else if line.hasPrefix("ng ") {
        let parts = line.dropFirst(3).split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        results[String(parts[0])] = parts.count > 1 ? String(parts[1]) : "rejected"
      }
    }
    return results
  }

  /// The lines of the report, as far as they are there.
  private var lines: [String] {
    guard isSideband else { return Self.lines(of: bytes) }
    var report: [UInt8] = []
    var reader = PktLineReader(bytes)
    while let packet = try? reader.next() {
      if case .data(let payload) = packet, payload.first == Sideband.data.rawValue { report += payload.dropFirst() }
    }
    return Self.lines(of: report)
  }

  private static func lines(of bytes: [UInt8]) -> [String] {
    var lines: [String] = []
    var reader = PktLineReader(bytes)
    while let packet = try? reader.next() {
      if case .data(let line) = packet { lines.append(String(decoding: line.chomped, as: UTF8.self)) }
    }
    return lines
  }
}
