/// The capability advertisement of protocol v2: the reply to `GET info/refs`, which names no refs.
///
/// Source: gitprotocol-v2, capability advertisement.
package struct CapabilityAdvertisement: Equatable, Sendable {
  /// The lines after `version 2`, such as `agent=git/2.39.5` or `fetch=shallow filter`, each `key` or `key=value`.
  package var capabilities: [String]
  /// Whether the banner `# service=git-upload-pack` and a flush-pkt come first. Stock git leaves them out in v2.
  package var hasBanner: Bool

  package init(capabilities: [String], hasBanner: Bool) {
    self.capabilities = capabilities
    self.hasBanner = hasBanner
  }

  /// The bytes of the reply. Each line must fit in one pkt-line.
  package func encoded() -> [UInt8] {
    var output = hasBanner ? Advertisement.banner(of: .uploadPack) : []
    PktLine.append(line: "version 2", to: &output)
    for capability in capabilities { PktLine.append(line: capability, to: &output) }
    return output + PktLine.flush
  }
}
