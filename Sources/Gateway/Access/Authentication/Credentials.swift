package import ArtifactsAPI
import HTTPCore

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
    guard let bytes = Base64.decode(text), let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else {
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
}
