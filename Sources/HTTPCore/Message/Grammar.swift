/// Character classes of RFC 9110 section 5.6 and RFC 3986, as bit sets over ASCII.
package enum Grammar {
  private static let tokenLow: UInt64 = bits("!#$%&'*+-.0123456789", 0)
  private static let tokenHigh: UInt64 = bits("ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~", 64)

  private static func bits(_ characters: StaticString, _ base: UInt8) -> UInt64 {
    var set: UInt64 = 0
    for index in 0..<characters.utf8CodeUnitCount { set |= 1 << UInt64(characters.utf8Start[index] - base) }
    return set
  }

  /// `tchar`: what methods and field names are made of.
  package static func isToken(_ byte: UInt8) -> Bool {
    if byte < 64 { return tokenLow & (1 << UInt64(byte)) != 0 }
    return byte < 128 && tokenHigh & (1 << UInt64(byte - 64)) != 0
  }

  /// `field-vchar`, blank and tab; obs-text (0x80 and above) is legal in values.
  package static func isFieldContent(_ byte: UInt8) -> Bool { (byte >= 0x20 && byte != 0x7f) || byte == 0x09 }

  /// What may stand in a request target: visible ASCII.
  package static func isTarget(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7f }

  package static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

  /// The value of a hexadecimal digit of either case, or nil.
  package static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
  }
}
