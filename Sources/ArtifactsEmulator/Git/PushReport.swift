import GitProtocol

/// git's report on a push, in the service's words.
enum PushReport {
  private static let git = [Array("failed to update ref".utf8), Array("failed to delete".utf8)]
  private static let service = Array("stale ref".utf8)

  /// Rewords the report for refs that are not what the client thought them to be; with side-band or without. Returns what
  /// has no such words, or cannot be read, as it is.
  static func reword(_ report: [UInt8]) -> [UInt8] {
    guard git.contains(where: { report.firstRange(of: $0) != nil }) else { return report }
    return (try? reworded(report)) ?? report
  }

  private static func reworded(_ report: [UInt8]) throws(PktLineError) -> [UInt8] {
    var output: [UInt8] = []
    var inner: [UInt8] = []
    var reader = PktLineReader(report)
    while let packet = try reader.next() {
      switch packet {
      case .data(let payload):
        switch payload.first.flatMap({ Sideband(rawValue: $0) }) {
        // The report may be spread over packets, anywhere.
        case .data: inner += payload.dropFirst()
        case .some: PktLine.append(payload, to: &output)
        case nil: PktLine.append(line(payload), to: &output)
        }
      case .flush:
        if !inner.isEmpty {
          Sideband.data.append(try reworded(inner), to: &output)
          inner = []
        }
        output += PktLine.flush
      case .delimiter: output += PktLine.delimiter
      case .responseEnd: output += PktLine.responseEnd
      }
    }
    return output
  }

  private static func line(_ payload: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    guard payload.starts(with: "ng ".utf8) else { return payload }
    let end = payload.last == 10 ? payload.dropLast() : payload
    guard let reason = git.first(where: { end.suffix($0.count).elementsEqual($0) }) else { return payload }
    return end.dropLast(reason.count) + service + [10]
  }
}
