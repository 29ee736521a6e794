import GitProtocol

/// Text and bytes as pkt-lines.
package enum PktLines {
  package static func line(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    PktLine.append(Array(text.utf8), to: &bytes)
    return bytes
  }

  package static func band(_ band: UInt8, _ payload: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    PktLine.append([band] + payload, to: &bytes)
    return bytes
  }

  package static func band(_ number: UInt8, _ text: String) -> [UInt8] { band(number, Array(text.utf8)) }

  package static let flush = PktLine.flush

  /// The packets of a whole stream; nil when it is not made of whole packets. Control packets are empty arrays.
  package static func packets(_ bytes: [UInt8]) -> [[UInt8]]? {
    var reader = PktLineReader(bytes)
    var packets: [[UInt8]] = []
    do {
      while let packet = try reader.next() {
        if case .data(let payload) = packet { packets.append(Array(payload)) } else { packets.append([]) }
      }
    } catch {
      return nil
    }
    return reader.rest.isEmpty ? packets : nil
  }
}
