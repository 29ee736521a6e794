import HTTPCore

/// What a path must be to mean the same to everybody who reads it: no dot segments, no encoded slashes or controls, no
/// characters that belong into no URL (RFC 3986 section 3.3).
enum TargetRule {
  /// What is wrong with the path of a request, or nil.
  static func fault(in path: Substring) -> String? {
    var dots = 0
    var length = 0
    var bytes = Array(path.utf8)[...]
    func isDotSegment() -> Bool { length == dots && (dots == 1 || dots == 2) }
    while var byte = bytes.popFirst() {
      let isEncoded = byte == UInt8(ascii: "%")
      if isEncoded {
        guard let high = bytes.popFirst().flatMap(Grammar.hexValue),
          let low = bytes.popFirst().flatMap(Grammar.hexValue)
        else { return "a broken percent-encoding in the path" }
        byte = high << 4 | low
        guard byte >= 0x20, byte != 0x7f else { return "an encoded control character in the path" }
        guard byte != UInt8(ascii: "/"), byte != UInt8(ascii: "\\") else { return "an encoded slash in the path" }
      } else if isOutside(byte) {
        return "a character in the path that belongs into no URL"
      }
      if byte == UInt8(ascii: "/") {
        if isDotSegment() { return "a dot segment in the path" }
        dots = 0
        length = 0
      } else {
        if byte == UInt8(ascii: ".") { dots += 1 }
        length += 1
      }
    }
    return isDotSegment() ? "a dot segment in the path" : nil
  }

  private static func isOutside(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"), UInt8(ascii: "^"),
      UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"):
      true
    default: !Grammar.isTarget(byte)
    }
  }
}
