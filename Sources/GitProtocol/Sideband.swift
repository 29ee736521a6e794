/// The three streams that share one pkt-line stream once sideband is on: the first payload byte names the stream.
///
/// Source: gitprotocol-pack, packfile data; gitprotocol-v2, fetch, packfile section.
package enum Sideband: UInt8, CaseIterable, Sendable {
  /// Pack bytes, or the report of receive-pack.
  case data = 1
  /// Text for the user, which git prints after `remote:`.
  case progress = 2
  /// The text of a fatal error; git prints it and gives up.
  case error = 3

  /// Largest payload of one sideband packet under side-band-64k and in protocol v2, band byte not counted.
  package static let maxPayloadBytes = PktLine.maxPayloadBytes - 1

  /// Appends `payload` to `output` as data-pkts of this band, as many as it needs; none when it is empty.
  package func append(_ payload: some Collection<UInt8>, to output: inout [UInt8]) {
    var rest = payload[...]
    while !rest.isEmpty {
      let part = rest.prefix(Self.maxPayloadBytes)
      PktLine.appendPrefix(payloadBytes: part.count + 1, to: &output)
      output.append(rawValue)
      output.append(contentsOf: part)
      rest = rest.dropFirst(part.count)
    }
  }
}
