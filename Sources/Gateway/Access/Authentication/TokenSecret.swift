package import ArtifactsAPI

/// The secret of a static token: `agt_`, 64 hexadecimal digits of 256 random bits, and 8 more that are the beginning of the
/// SHA-256 of all before. So it can be told from other texts by programs that look for secrets where none should be.
package enum TokenSecret {
  private static let prefix = "agt_"
  private static let checkCount = 8

  /// A new one, from the system's generator.
  package static func make() -> Secret {
    var generator = SystemRandomNumberGenerator()
    var text = prefix
    for _ in 0..<4 {
      let digits = String(generator.next(), radix: 16)
      text += String(repeating: "0", count: 16 - digits.count) + digits
    }
    return Secret(text + check(of: text))
  }

  static func hasPrefix(_ bytes: some Collection<UInt8>) -> Bool { bytes.starts(with: prefix.utf8) }

  private static func check(of text: String) -> String { String(Fingerprint(of: text).description.prefix(checkCount)) }
}
