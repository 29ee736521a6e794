/// Object ids as they stand on the wire: 40 hexadecimal digits (SHA-1) or 64 (SHA-256).
enum ObjectID {
  static func isHexadecimal(_ digits: ArraySlice<UInt8>) -> Bool {
    (digits.count == 40 || digits.count == 64) && digits.allSatisfy { PktLine.hexadecimalValue($0) != nil }
  }
}
