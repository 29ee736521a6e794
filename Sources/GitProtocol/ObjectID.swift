/// Object ids as they stand on the wire: 40 hexadecimal digits (SHA-1) or 64 (SHA-256).
enum ObjectID {
  static func isHexadecimal(_ digits: ArraySlice<UInt8>) -> Bool {
    (digits.count == 40 || digits.count == 64) && digits.allSatisfy { PktLine.hexadecimalValue($0) != nil }
  }

  /// Whether the bytes are an id as git writes it.
  static func isLowerCaseHexadecimal(_ digits: some Collection<UInt8>) -> Bool {
    guard digits.count == 40 || digits.count == 64 else { return false }
    return digits.allSatisfy {
      UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0
    }
  }
}
