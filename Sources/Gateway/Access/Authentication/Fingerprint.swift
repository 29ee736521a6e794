import PackCache

/// The SHA-256 of something (FIPS 180-4).
package struct Fingerprint: Hashable, Sendable, CustomStringConvertible {
  private let words: InlineWords

  private struct InlineWords: Hashable, Sendable {
    let first: UInt64
    let second: UInt64
    let third: UInt64
    let fourth: UInt64
  }

  /// Of these bytes, one after the other.
  package init(of parts: UnsafeRawBufferPointer...) {
    var digest = Digest(.sha256)
    for part in parts { digest.update(part) }
    self.init(digest.finish())
  }

  package init(of text: String) {
    var text = text
    self = text.withUTF8 { Fingerprint(of: UnsafeRawBufferPointer($0)) }
  }

  private init(_ bytes: [UInt8]) {
    let values = bytes.withUnsafeBytes { bytes in
      (0..<4).map { UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)) }
    }
    words = InlineWords(first: values[0], second: values[1], third: values[2], fourth: values[3])
  }

  /// Reads 64 hexadecimal digits; nil for anything else.
  package init?(hex text: some StringProtocol) {
    let digits = text.utf8.compactMap { byte -> UInt8? in
      switch byte {
      case 0x30...0x39: byte - 0x30
      case 0x41...0x46: byte - 0x41 + 10
      case 0x61...0x66: byte - 0x61 + 10
      default: nil
      }
    }
    guard digits.count == 64, text.utf8.count == 64 else { return nil }
    self.init((0..<32).map { digits[2 * $0] << 4 | digits[2 * $0 + 1] })
  }

  /// 64 hexadecimal digits in lower case.
  package var description: String {
    [words.first, words.second, words.third, words.fourth].map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
