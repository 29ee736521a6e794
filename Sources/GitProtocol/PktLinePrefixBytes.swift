/// Up to four bytes of a pkt-line length prefix, stored in place.
package struct PktLinePrefixBytes: RandomAccessCollection, Hashable, Sendable {
  /// The bytes as one number, the last one lowest.
  private(set) var digits: UInt32 = 0
  package private(set) var count = 0

  package init() {}

  package var startIndex: Int { 0 }
  package var endIndex: Int { count }

  package subscript(position: Int) -> UInt8 {
    precondition(indices.contains(position), "Position \(position) is outside of a prefix of \(count) bytes.")
    return UInt8(truncatingIfNeeded: digits >> (8 * UInt32(count - 1 - position)))
  }

  /// Whether these bytes can begin a length prefix.
  var isHexadecimal: Bool { allSatisfy { PktLine.hexadecimalValue($0) != nil } }

  mutating func append(_ byte: UInt8) {
    precondition(count < PktLine.prefixBytes, "A length prefix has four bytes.")
    digits = digits << 8 | UInt32(byte)
    count += 1
  }
}
