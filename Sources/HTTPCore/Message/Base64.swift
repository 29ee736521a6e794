/// Base64, read strictly: one text for each run of bytes, so that what was signed or counted cannot be changed and still mean
/// the same.
package enum Base64 {
  package enum Alphabet {
    /// RFC 4648 section 4, with padding.
    case standard
    /// The one for URLs and tokens, without padding (RFC 4648 section 5, RFC 7515 section 2).
    case url

    fileprivate var last: (UInt8, UInt8) {
      self == .standard ? (UInt8(ascii: "+"), UInt8(ascii: "/")) : (UInt8(ascii: "-"), UInt8(ascii: "_"))
    }
  }

  /// The bytes of a text; nil for padding where none belongs, missing padding, blanks, other characters, a length that no bytes
  /// have, and bits left over that are not zero.
  package static func decode(_ text: some BidirectionalCollection<UInt8>, _ alphabet: Alphabet = .standard) -> [UInt8]?
  {
    var padding = 0
    if alphabet == .standard {
      guard text.count % 4 == 0 else { return nil }
      padding = text.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
    }
    let digits = text.dropLast(padding)
    guard digits.count % 4 != 1 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count * 3 / 4)
    var bits: UInt32 = 0
    var held = 0
    for character in digits {
      guard let value = value(of: character, alphabet) else { return nil }
      bits = bits << 6 | value
      held += 6
      if held >= 8 {
        held -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
        bits &= 1 << UInt32(held) - 1
      }
    }
    return bits == 0 ? bytes : nil
  }

  /// The text of `bytes`.
  package static func encode(_ bytes: some Collection<UInt8>, _ alphabet: Alphabet = .standard) -> String {
    var text = ""
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    var bits: UInt32 = 0
    var held = 0
    for byte in bytes {
      bits = bits << 8 | UInt32(byte)
      held += 8
      while held >= 6 {
        held -= 6
        text.append(digit(bits >> UInt32(held) & 63, alphabet))
      }
    }
    if held > 0 { text.append(digit(bits << UInt32(6 - held) & 63, alphabet)) }
    if alphabet == .standard { text += String(repeating: "=", count: (3 - bytes.count % 3) % 3) }
    return text
  }

  private static func value(of character: UInt8, _ alphabet: Alphabet) -> UInt32? {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
    case alphabet.last.0: 62
    case alphabet.last.1: 63
    default: nil
    }
  }

  private static func digit(_ value: UInt32, _ alphabet: Alphabet) -> Character {
    let value = UInt8(value)
    let byte =
      switch value {
      case 0..<26: UInt8(ascii: "A") + value
      case 26..<52: UInt8(ascii: "a") + (value - 26)
      case 52..<62: UInt8(ascii: "0") + (value - 52)
      case 62: alphabet.last.0
      default: alphabet.last.1
      }
    return Character(Unicode.Scalar(byte))
  }
}
