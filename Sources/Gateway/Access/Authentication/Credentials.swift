package import ArtifactsAPI

/// What stands in an `Authorization` field.
package enum Credentials: Hashable, Sendable {
  /// A static token of the gateway's own.
  case token(Secret)
  /// A signed token of somebody else's.
  case signed(Secret)
  case password(user: String, Secret)

  /// Reads the value of the field: `Basic` (RFC 7617) or `Bearer` (RFC 6750). Git sends tokens as passwords, so those are
  /// looked for in both; the user's name beside a token does not matter.
  ///
  /// - Throws: `.wrong` for another scheme, and for what does not follow its grammar.
  package init(_ value: UnsafeRawBufferPointer) throws(CredentialRefusal) {
    let scheme = value.prefix { $0 != 0x20 }
    var rest = value.dropFirst(scheme.count)
    while rest.first == 0x20 { rest.removeFirst() }
    if Self.isScheme(scheme, "basic") {
      try self.init(basic: rest)
    } else if Self.isScheme(scheme, "bearer") {
      guard !rest.isEmpty, rest.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
        throw .wrong("a Bearer that is no token")
      }
      guard let token = Self.token(rest) else { throw .wrong("a Bearer of no known kind") }
      self = token
    } else {
      throw .wrong("credentials that are neither Basic nor Bearer")
    }
  }

  private init(basic text: Slice<UnsafeRawBufferPointer>) throws(CredentialRefusal) {
    guard let bytes = Self.decode(text), let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else {
      throw .wrong("a Basic that is not user:password in base64")
    }
    // RFC 7617 section 2: control characters are no part of either.
    guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }), let user = String(validating: bytes[..<colon], as: UTF8.self)
    else { throw .wrong("a Basic with control characters, or a name that is no UTF-8") }
    let password = bytes[(colon + 1)...]
    guard let validated = String(validating: password, as: UTF8.self) else {
      throw .wrong("a Basic whose password is no UTF-8")
    }
    self = Self.token(password) ?? .password(user: user, Secret(validated))
  }

  /// A token by its form, or nil.
  private static func token<Bytes: Collection<UInt8>>(_ bytes: Bytes) -> Credentials? {
    if TokenSecret.hasPrefix(bytes) { return .token(Secret(String(decoding: bytes, as: UTF8.self))) }
    // A JWS begins with the base64url of `{"`: three parts, two of which may not be empty, and a signature.
    let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 3, bytes.starts(with: "eyJ".utf8),
      parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(isBase64URL) })
    else { return nil }
    return .signed(Secret(String(decoding: bytes, as: UTF8.self)))
  }

  private static func isBase64URL(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
      || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
  }

  /// Schemes are compared without regard to case (RFC 9110 section 11.1).
  private static func isScheme(_ bytes: Slice<UnsafeRawBufferPointer>, _ name: String) -> Bool {
    bytes.count == name.utf8.count && zip(bytes, name.utf8).allSatisfy { $0 | 0x20 == $1 }
  }

  /// Base64 with its padding (RFC 4648 section 4); nil for anything else.
  static func decode(_ text: Slice<UnsafeRawBufferPointer>) -> [UInt8]? {
    guard !text.isEmpty, text.count % 4 == 0 else { return nil }
    let padding = text.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    var bits: UInt32 = 0
    var held = 0
    for byte in text.dropLast(padding) {
      let value: UInt8
      switch byte {
      case 0x41...0x5a: value = byte - 0x41
      case 0x61...0x7a: value = byte - 0x61 + 26
      case 0x30...0x39: value = byte - 0x30 + 52
      case UInt8(ascii: "+"): value = 62
      case UInt8(ascii: "/"): value = 63
      default: return nil
      }
      bits = bits << 6 | UInt32(value)
      held += 6
      if held >= 8 {
        held -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
      }
    }
    // What is left over must be nothing: one text for one value.
    return bits & (1 << UInt32(held) - 1) == 0 ? bytes : nil
  }
}
