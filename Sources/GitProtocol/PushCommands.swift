/// Reads all commands of a push, byte run by byte run, as strictly as git's own receive-pack does: for whoever decides by them
/// and must not be told less than the server is. What is not understood is an error, never passed over.
///
/// Source: gitprotocol-pack, reference update request and packfile transfer, push certificate.
package struct PushCommands: Sendable {
  /// Most commands, and most bytes with all that stands before the end of the commands.
  package static let maxUpdates = 20_000
  package static let maxBytes = 4 << 20

  package private(set) var updates: [ReceivePackRequest.Update] = []
  package private(set) var capabilities: Set<String> = []
  package private(set) var isSigned = false
  /// The flush-pkt behind the last command has been read.
  package private(set) var isEnded = false
  /// The bytes of the body up to and with that flush-pkt, decoded; behind them come push options and the pack.
  package private(set) var byteCount = 0

  /// A begun packet, at most 65,520 bytes.
  private var begun: [UInt8] = []
  /// The text of a push certificate that has not ended.
  private var certificate: [UInt8]?

  package init() {}

  package var wantsReport: Bool { capabilities.contains("report-status") || capabilities.contains("report-status-v2") }
  package var hasSideband: Bool { capabilities.contains("side-band-64k") }

  /// Reads the next bytes of the body; those behind the commands are passed over.
  /// - Throws: `.tooLarge` beyond the bounds, `.pktLine` and `.unexpectedLine` for what is no push.
  package mutating func feed(_ bytes: some Collection<UInt8>) throws(RequestError) {
    guard !isEnded else { return }
    begun.append(contentsOf: bytes)
    var reader = PktLineReader(begun)
    while !isEnded {
      let before = reader.rest.count
      let packet: PktLine.Packet?
      do throws(PktLineError) { packet = try reader.next() } catch { throw .pktLine(error) }
      guard let packet else { break }
      byteCount += before - reader.rest.count
      guard byteCount <= Self.maxBytes else { throw .tooLarge }
      switch packet {
      case .flush:
        if let certificate { try read(certificate: certificate) }
        isEnded = true
      case .delimiter, .responseEnd: throw .unexpectedLine
      case .data(let line): try read(line)
      }
    }
    begun = isEnded ? [] : Array(reader.rest)
  }

  private mutating func read(_ line: ArraySlice<UInt8>) throws(RequestError) {
    if certificate != nil {
      // Receive-pack takes the packets of a certificate for C strings.
      guard !line.contains(0) else { throw .unexpectedLine }
      guard line.equals("push-cert-end\n") else {
        certificate?.append(contentsOf: line)
        return
      }
      try read(certificate: certificate ?? [])
      certificate = nil
      return
    }
    var command = line
    // On any line, not only on the first.
    if let border = line.firstIndex(of: 0) {
      command = line[..<border]
      let words = line[(border + 1)...].chomped.split(separator: UInt8(ascii: " "))
      capabilities.formUnion(words.map { String(decoding: $0, as: UTF8.self) })
    }
    if command.hasPrefix("shallow ") { return }
    if command.chomped.equals("push-cert") {
      isSigned = true
      certificate = []
    } else if let update = ReceivePackRequest.Update(command.chomped) {
      try append(update)
    } else {
      throw .unexpectedLine
    }
  }

  /// Takes every line that can be a command for one, wherever it stands in the certificate.
  private mutating func read(certificate: [UInt8]) throws(RequestError) {
    for line in certificate.split(separator: UInt8(ascii: "\n")) {
      if let update = ReceivePackRequest.Update(line) { try append(update) }
    }
  }

  private mutating func append(_ update: ReceivePackRequest.Update) throws(RequestError) {
    guard updates.count < Self.maxUpdates else { throw .tooLarge }
    updates.append(update)
  }
}
