/// `host[:port]`, as it stands in `Host`, in an absolute target and in a URL (RFC 3986 section 3.2), read strictly: no
/// user, no percent-encoding, no character that a name cannot hold.
package struct Authority: Hashable, Sendable {
  /// Lower-case; an IPv6 address without its brackets.
  package let host: String
  /// Nil when there is none, or an empty one.
  package let port: UInt16?
  /// The host stood in brackets.
  package let isBracketed: Bool

  /// The longest name (RFC 1035 section 2.3.4), bytes.
  private static let longestHost = 255

  /// Returns nil for anything else, the empty text among it.
  package init?(_ text: some StringProtocol) {
    var text = String(text)
    let parsed = text.withUTF8 { Self.split(UnsafeRawBufferPointer($0)) }
    guard let parsed else { return nil }
    (host, port, isBracketed) = parsed
  }

  /// Whether the bytes are an authority; allocates nothing.
  static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool { bounds(of: bytes) != nil }

  private static func split(_ bytes: UnsafeRawBufferPointer) -> (String, UInt16?, Bool)? {
    guard let (host, port) = bounds(of: bytes) else { return nil }
    let isBracketed = bytes[0] == UInt8(ascii: "[")
    let name = String(decoding: bytes[host], as: UTF8.self).lowercased()
    return (name, port, isBracketed)
  }

  /// Where the host lies, without brackets, and the port.
  private static func bounds(of bytes: UnsafeRawBufferPointer) -> (host: Range<Int>, port: UInt16?)? {
    var position = 0
    let host: Range<Int>
    if bytes.first == UInt8(ascii: "[") {
      position = 1
      while position < bytes.count, isInBrackets(bytes[position]) { position += 1 }
      // The shortest address is `::`.
      guard position >= 3, position < bytes.count, bytes[position] == UInt8(ascii: "]"),
        bytes[1..<position].contains(UInt8(ascii: ":"))
      else { return nil }
      host = 1..<position
      position += 1
    } else {
      while position < bytes.count, isInName(bytes[position]) { position += 1 }
      guard position > 0 else { return nil }
      host = 0..<position
    }
    guard host.count <= longestHost else { return nil }
    if position == bytes.count { return (host, nil) }
    guard bytes[position] == UInt8(ascii: ":"), let port = port(in: bytes, from: position + 1) else { return nil }
    return (host, port.number)
  }

  /// Digits up to 65535; none at all is no port.
  private static func port(in bytes: UnsafeRawBufferPointer, from start: Int) -> (number: UInt16?, Void)? {
    guard bytes.count - start <= 5 else { return nil }
    var number = 0
    for index in start..<bytes.count {
      guard Grammar.isDigit(bytes[index]) else { return nil }
      number = number * 10 + Int(bytes[index] - 0x30)
    }
    guard number <= 65_535 else { return nil }
    return (start < bytes.count ? UInt16(number) : nil, ())
  }

  private static func isInBrackets(_ byte: UInt8) -> Bool {
    Grammar.hexValue(byte) != nil || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
  }

  /// Letters, digits, hyphens and dots, and the underscore that names of containers hold.
  private static func isInName(_ byte: UInt8) -> Bool {
    Grammar.isDigit(byte) || (byte | 0x20) &- 0x61 < 26 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
      || byte == UInt8(ascii: "_")
  }
}
