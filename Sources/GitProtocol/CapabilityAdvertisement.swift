/// The capability advertisement of protocol v2: the reply to `GET info/refs`, which names no refs.
///
/// Source: gitprotocol-v2, capability advertisement.
package struct CapabilityAdvertisement: Equatable, Sendable {
  /// Most bytes accepted.
  package static let maxBytes = 16 << 10

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

  /// Reads a whole reply of at most 16 KiB, with the banner or without; nil for anything else, an advertisement of refs
  /// and an `ERR` packet among it.
  package init?(parsing bytes: ArraySlice<UInt8>) {
    guard bytes.count <= Self.maxBytes else { return nil }
    let banner = Advertisement.banner(of: .uploadPack)
    hasBanner = bytes.starts(with: banner)
    capabilities = []
    var reader = PktLineReader(hasBanner ? bytes.dropFirst(banner.count) : bytes)
    guard case .data(let first) = try? reader.next(), first.chomped.equals("version 2") else { return nil }
    while true {
      switch try? reader.next() {
      case .flush:
        guard reader.rest.isEmpty else { return nil }
        return
      case .data(let line):
        guard Self.isCapability(line.chomped) else { return nil }
        capabilities.append(String(decoding: line.chomped, as: UTF8.self))
      case .delimiter, .responseEnd, nil: return nil
      }
    }
  }

  /// Whether the line is `key` or `key=value`. A ref is not: no key has a blank in it.
  private static func isCapability(_ line: ArraySlice<UInt8>) -> Bool {
    let key = line.prefix { $0 != UInt8(ascii: "=") }
    let value = line[key.endIndex...].dropFirst()
    return !key.isEmpty && key.allSatisfy(isKeyCharacter) && value.allSatisfy { 0x20...0x7e ~= $0 }
  }

  private static func isKeyCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
