/// Tells by the first bytes that a peer speaks another protocol, so that it need not wait for the end of a head that never
/// comes, and is told what is wrong.
enum ForeignProtocol {
  private static var secureShell: StaticString { "SSH-" }

  /// - Parameter bytes: all that has come since the head began.
  /// - Throws: 400 with a hint.
  static func check(_ bytes: UnsafeRawBufferPointer) throws(HTTPParseError) {
    guard let first = bytes.first else { return }
    // A TLS record of the kind handshake, major version 3 (RFC 8446 section 5.1).
    if first == 0x16 {
      throw HTTPParseError("this is TLS, and here plain HTTP is spoken; use http:// in place of https://")
    }
    // What a start line may begin with, and the first byte of a line end, which the scanner judges.
    guard Grammar.isToken(first) || first == 0x0d || first == 0x0a || first == 0x20 || first == 0x09 else {
      throw HTTPParseError("a bad start line")
    }
    guard first == UInt8(ascii: "S"), bytes.count >= 4 else { return }
    let name = UnsafeRawBufferPointer(start: secureShell.utf8Start, count: secureShell.utf8CodeUnitCount)
    if bytes[..<4].elementsEqual(name) {
      throw HTTPParseError("this is SSH, and here HTTP is spoken; use http:// in place of ssh://")
    }
  }
}
