/// Percent-decoding as in RFC 3986, section 2.1.
enum PercentCoding {
  /// Decodes `text`. Returns nil for a broken escape or for what is not UTF-8 afterwards.
  /// - Parameter plusIsBlank: as in query strings that forms make.
  static func decode(_ text: some StringProtocol, plusIsBlank: Bool = false) -> String? {
    var output: [UInt8] = []
    var bytes = text.utf8.makeIterator()
    while let byte = bytes.next() {
      switch byte {
      case UInt8(ascii: "%"):
        guard let high = bytes.next().flatMap(digit), let low = bytes.next().flatMap(digit) else { return nil }
        output.append(high << 4 | low)
      case UInt8(ascii: "+") where plusIsBlank: output.append(UInt8(ascii: " "))
      default: output.append(byte)
      }
    }
    return String(validating: output, as: UTF8.self)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
