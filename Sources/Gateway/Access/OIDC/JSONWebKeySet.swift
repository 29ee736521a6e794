import HTTPCore
package import TLS

/// The keys of an issuer that can check signatures (RFC 7517). What else a set holds, such as keys to encrypt to, keys of
/// other kinds, and keys too weak, is passed over: it cannot have signed a token that is accepted.
package struct JSONWebKeySet: Sendable {
  /// A key with what it is for.
  package struct Key: Sendable {
    package let id: String?
    package let algorithm: JSONWebToken.Algorithm
    package let key: VerificationKey
  }

  /// Keys of a set that are looked at.
  private static let keyLimit = 64
  private static let depth = 6
  private static let valueLimit = 16_384

  package let keys: [Key]

  package init(_ keys: [Key]) { self.keys = keys }

  /// - Throws: when the bytes are no set, or hold no key that can be used.
  package init(parsing bytes: [UInt8]) throws(OIDCRefusal) {
    guard let set = try? StrictJSON(parsing: bytes, depth: Self.depth, limit: Self.valueLimit),
      let items = set["keys"]?.items
    else { throw OIDCRefusal("what should be its keys is not a JSON Web Key Set", isOutage: true) }
    keys = items.prefix(Self.keyLimit).compactMap { Key($0) }
    guard !keys.isEmpty else { throw OIDCRefusal("none of its keys can be used", isOutage: true) }
  }

  /// The key that a token names. A token that names none means the only one there is of its kind.
  package func key(for token: JSONWebToken) -> VerificationKey? {
    let fitting = keys.filter { $0.algorithm == token.algorithm && (token.keyID == nil || $0.id == token.keyID) }
    return token.keyID == nil && fitting.count > 1 ? nil : fitting.first?.key
  }
}

extension JSONWebKeySet.Key {
  /// Nil for a key that cannot check the signatures that are known.
  init?(_ value: StrictJSON) {
    switch value["kty"]?.text {
    case "RSA":
      guard let modulus = Self.bytes(value["n"]), let exponent = Self.bytes(value["e"]),
        let key = VerificationKey.rsa(modulus: modulus, exponent: exponent)
      else { return nil }
      self.init(value, .rs256, key)
    case "EC":
      guard value["crv"]?.text == "P-256", let x = Self.bytes(value["x"]), let y = Self.bytes(value["y"]),
        let key = VerificationKey.p256(x: x, y: y)
      else { return nil }
      self.init(value, .es256, key)
    default: return nil
    }
  }

  private init?(_ value: StrictJSON, _ algorithm: JSONWebToken.Algorithm, _ key: VerificationKey) {
    // What the issuer does not mean for this must not serve for it (RFC 7517 sections 4.2 to 4.4).
    if let use = value["use"], use.text != "sig" { return nil }
    if let operations = value["key_ops"], operations.items?.contains(.string("verify")) != true { return nil }
    if let name = value["alg"], name.text != algorithm.rawValue { return nil }
    if let id = value["kid"], id.text == nil { return nil }
    id = value["kid"]?.text
    self.algorithm = algorithm
    self.key = key
  }

  private static func bytes(_ value: StrictJSON?) -> [UInt8]? { value?.text.flatMap { Base64.decode($0.utf8, .url) } }
}
