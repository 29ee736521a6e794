/// Percent-encoding of parts of a URL (RFC 3986 section 2).
package enum PercentCoding {
  /// Encodes all but unreserved characters.
  package static func encode(_ text: some StringProtocol) -> String {
    let digits: StaticString = "0123456789ABCDEF"
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e: bytes.append(byte)
      default: bytes += [0x25, digits.utf8Start[Int(byte >> 4)], digits.utf8Start[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Encodes what cannot stand in a request target, and nothing else: no text can end it.
  static func clean(target: String) -> String {
    // Through the string's own storage: its view costs forty instructions a byte.
    if target.utf8.withContiguousStorageIfAvailable({ $0.allSatisfy(Grammar.isTarget) }) == true { return target }
    let digits: StaticString = "0123456789ABCDEF"
    var bytes: [UInt8] = []
    for byte in target.utf8 {
      bytes +=
        Grammar.isTarget(byte) ? [byte] : [0x25, digits.utf8Start[Int(byte >> 4)], digits.utf8Start[Int(byte & 15)]]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Decodes; nil for a broken sequence, a NUL, or bytes that are not UTF-8.
  /// - Parameters:
  ///   - plusIsBlank: as in queries that HTML forms make.
  ///   - allowsNUL: for a caller that looks at the text itself before it goes anywhere.
  package static func decode(_ text: some StringProtocol, plusIsBlank: Bool = false, allowsNUL: Bool = false)
    -> String?
  {
    var bytes: [UInt8] = []
    var rest = text.utf8.makeIterator()
    while let byte = rest.next() {
      switch byte {
      case UInt8(ascii: "%"):
        guard let high = rest.next().flatMap(Grammar.hexValue), let low = rest.next().flatMap(Grammar.hexValue)
        else { return nil }
        bytes.append(high << 4 | low)
      case UInt8(ascii: "+") where plusIsBlank: bytes.append(UInt8(ascii: " "))
      default: bytes.append(byte)
      }
    }
    return !allowsNUL && bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
  }
}
