/// What makes bytes no pkt-line. Source: gitprotocol-common, pkt-line format.
package enum PktLineError: Error, Hashable {
  /// The four length bytes are not hexadecimal digits.
  case notHexadecimal
  /// A length of 3, or of more than 65,520 bytes; carries the length, prefix included.
  case badLength(Int)
}

/// The framing of the Git wire protocol: four hexadecimal digits with the length of the line, themselves included,
/// then that many bytes less four. Lengths 0, 1 and 2 are control packets without payload.
///
/// Source: gitprotocol-common, pkt-line format; gitprotocol-v2, packet-line framing.
package enum PktLine {
  /// Bytes of the length prefix.
  package static let prefixBytes = 4
  /// Largest payload of one pkt-line, in bytes.
  package static let maxPayloadBytes = 65_516
  /// Largest pkt-line with its prefix, in bytes.
  package static let maxLineBytes = prefixBytes + maxPayloadBytes

  /// The flush-pkt `0000`: the end of a message.
  package static let flush = Array("0000".utf8)
  /// The delim-pkt `0001`: the border of two sections of a message (protocol v2).
  package static let delimiter = Array("0001".utf8)
  /// The response-end-pkt `0002`: the end of a response over a stateless connection (protocol v2).
  package static let responseEnd = Array("0002".utf8)

  /// What a length prefix announces.
  package enum Prefix: Hashable, Sendable {
    case flush, delimiter, responseEnd
    /// A data-pkt with this many payload bytes, 0 ... 65,516. The empty one is legal, if discouraged.
    case data(payloadBytes: Int)
  }

  /// One packet of a stream; a payload is a slice of the buffer that it was read from.
  package enum Packet: Hashable, Sendable {
    case flush, delimiter, responseEnd
    case data(ArraySlice<UInt8>)
  }

  /// Decodes one pkt-line prefix.
  ///
  /// - Parameter digits: four bytes, hexadecimal digits in either case; the first one in the highest byte.
  /// - Throws: `.notHexadecimal`; `.badLength` for 3 and for more than 65,520.
  package static func decodePrefix(_ digits: UInt32) throws(PktLineError) -> Prefix {
    var length = 0
    for shift in stride(from: 24, through: 0, by: -8) {
      guard let value = hexadecimalValue(UInt8(truncatingIfNeeded: digits >> shift)) else { throw .notHexadecimal }
      length = length << 4 | value
    }
    switch length {
    case 0: return .flush
    case 1: return .delimiter
    case 2: return .responseEnd
    case prefixBytes...maxLineBytes: return .data(payloadBytes: length - prefixBytes)
    default: throw .badLength(length)
    }
  }

  /// Appends one data-pkt with `payload` (at most 65,516 bytes, which the caller sees to) to `output`.
  package static func append(_ payload: some Collection<UInt8>, to output: inout [UInt8]) {
    appendPrefix(payloadBytes: payload.count, to: &output)
    output.append(contentsOf: payload)
  }

  /// Appends one data-pkt with the UTF-8 bytes of `text` and a closing newline (at most 65,516 bytes together).
  package static func append(line text: some StringProtocol, to output: inout [UInt8]) {
    appendPrefix(payloadBytes: text.utf8.count + 1, to: &output)
    output.append(contentsOf: text.utf8)
    output.append(UInt8(ascii: "\n"))
  }

  /// Appends the prefix of a data-pkt whose payload the caller appends next.
  static func appendPrefix(payloadBytes: Int, to output: inout [UInt8]) {
    precondition(payloadBytes <= maxPayloadBytes, "A pkt-line carries at most 65,516 bytes.")
    let length = payloadBytes + prefixBytes
    for shift in stride(from: 12, through: 0, by: -4) {
      output.append(hexadecimalDigit(length >> shift & 0xf))
    }
  }

  /// The first bytes of a line as one number, the last one lowest; at most eight.
  static func word(_ text: StaticString) -> UInt64 {
    text.withUTF8Buffer { $0.reduce(0) { $0 << 8 | UInt64($1) } }
  }

  /// The digit for 0 ... 15, in lower case, which is what git writes.
  static func hexadecimalDigit(_ value: Int) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + UInt8(value) : UInt8(ascii: "a") + UInt8(value - 10)
  }

  /// The value of a hexadecimal digit of either case, or nil.
  static func hexadecimalValue(_ digit: UInt8) -> Int? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(digit - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(digit - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(digit - UInt8(ascii: "A")) + 10
    default: nil
    }
  }
}
