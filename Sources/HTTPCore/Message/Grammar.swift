/// Character classes of RFC 9110 section 5.6 and RFC 3986, as bit sets over ASCII.
package enum Grammar {
  /// The `tchar` set of RFC 9110 below 64 and from 64 on: one bit a character, lowest first. Literals, so that a look-up is
  /// no more than a shift.
  private static var tokenLow: UInt64 { 0x03ff6cfa00000000 }
  private static var tokenHigh: UInt64 { 0x57ffffffc7fffffe }

  /// `tchar`: what methods and field names are made of.
  package static func isToken(_ byte: UInt8) -> Bool {
    if byte < 64 { return tokenLow & (1 << UInt64(byte)) != 0 }
    return byte < 128 && tokenHigh & (1 << UInt64(byte - 64)) != 0
  }

  /// `field-vchar`, blank and tab; obs-text (0x80 and above) is legal in values.
  package static func isFieldContent(_ byte: UInt8) -> Bool { (byte >= 0x20 && byte != 0x7f) || byte == 0x09 }

  /// Where a run of field content ends: the index of the first other byte, which must exist.
  ///
  /// Looks at eight bytes at a time. A word goes as a whole when no byte in it is below 0x20 or equal to 0x7f; what is left,
  /// tabs among it, is looked at byte by byte.
  static func endOfFieldContent(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highBits = ones << 7
    var position = start
    while position + 8 <= bytes.count {
      let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
      let deletes = word ^ (ones &* 0x7f)
      let isBelowBlank = (word &- ones &* 0x20) & ~word
      let isDelete = (deletes &- ones) & ~deletes
      guard (isBelowBlank | isDelete) & highBits == 0 else { break }
      position += 8
    }
    while isFieldContent(bytes[position]) { position += 1 }
    return position
  }

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
