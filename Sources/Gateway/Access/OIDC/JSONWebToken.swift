import HTTPCore

/// A signed token in its compact form (RFC 7515 section 7.1, RFC 7519), taken apart. That it has been read says nothing of
/// whose it is: its signature is still to be checked.
package struct JSONWebToken: Sendable {
  /// The signatures that are known. What a token says chooses among keys of its own kind only, never a key's kind.
  package enum Algorithm: String, Hashable, Sendable {
    /// RSA by PKCS #1 version 1.5 with SHA-256 (RFC 7518 section 3.3).
    case rs256 = "RS256"
    /// ECDSA on P-256 with SHA-256 (RFC 7518 section 3.4).
    case es256 = "ES256"
  }

  /// Bytes of a whole token.
  package static let longest = 16_384
  /// Members of the header, and of the claims.
  package static let memberLimit = 128
  private static let depth = 5
  private static let valueLimit = 512
  private static let longestKeyID = 512

  package let algorithm: Algorithm
  /// `kid`: which of the issuer's keys has signed it.
  package let keyID: String?
  package let claims: [String: StrictJSON]
  /// What the signature is over.
  package let signedBytes: [UInt8]
  package let signature: [UInt8]

  /// Whether a bearer token looks like one of these: three parts, the first a JSON object.
  package static func isLikely(_ text: String) -> Bool {
    text.hasPrefix("eyJ") && text.utf8.count { $0 == UInt8(ascii: ".") } == 2
  }

  package init(parsing text: String) throws(OIDCRefusal) {
    let bytes = Array(text.utf8)
    guard bytes.count <= Self.longest else { throw OIDCRefusal("it is longer than 16 KiB") }
    let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 3, !parts[2].isEmpty, let header = Base64.decode(parts[0], .url),
      let claims = Base64.decode(parts[1], .url), let signature = Base64.decode(parts[2], .url)
    else { throw OIDCRefusal("it is not three parts of base64url") }
    let members = try Self.object(header, "header")
    algorithm = try Self.algorithm(of: members)
    keyID = try Self.keyID(of: members)
    self.claims = try Self.object(claims, "claims")
    self.signature = signature
    signedBytes = Array(bytes[..<parts[1].endIndex])
  }

  private static func object(_ bytes: [UInt8], _ what: String) throws(OIDCRefusal) -> [String: StrictJSON] {
    let value: StrictJSON
    do throws(StrictJSON.Fault) {
      value = try StrictJSON(parsing: bytes, depth: depth, limit: valueLimit)
    } catch {
      switch error {
      case .malformed: throw OIDCRefusal("its \(what) is not JSON")
      case .memberTwice: throw OIDCRefusal("its \(what) has a member twice")
      case .tooDeep, .tooMany: throw OIDCRefusal("its \(what) holds too much")
      }
    }
    guard case .object(let members) = value else { throw OIDCRefusal("its \(what) is not a JSON object") }
    guard members.count <= memberLimit else { throw OIDCRefusal("its \(what) holds too much") }
    return members
  }

  private static func algorithm(of header: [String: StrictJSON]) throws(OIDCRefusal) -> Algorithm {
    // Nothing that a header can demand is understood here (RFC 7515 section 4.1.11). Keys in the header, or the way to
    // some, are not looked at.
    if header["crit"] != nil { throw OIDCRefusal("its header has crit") }
    // Logout tokens and access tokens are no ID tokens, whoever has signed them (RFC 8725 section 3.11).
    if let type = header["typ"], type.text?.uppercased() != "JWT" { throw OIDCRefusal("its type is not JWT") }
    guard let name = header["alg"]?.text else { throw OIDCRefusal("its header names no algorithm") }
    guard let algorithm = Algorithm(rawValue: name) else {
      throw OIDCRefusal("its algorithm is \(OIDCRefusal.quote(name)), neither RS256 nor ES256")
    }
    return algorithm
  }

  private static func keyID(of header: [String: StrictJSON]) throws(OIDCRefusal) -> String? {
    guard let value = header["kid"] else { return nil }
    guard let id = value.text, id.utf8.count <= longestKeyID else { throw OIDCRefusal("its kid is no key id") }
    return id
  }

  // MARK: Registered claims (RFC 7519 section 4.1)

  package var issuer: String? { claims["iss"]?.text }

  /// `aud`, a string or an array of strings; empty when it is neither.
  package var audiences: [String] {
    switch claims["aud"] {
    case .string(let audience): [audience]
    case .array(let items): items.contains { $0.text == nil } ? [] : items.compactMap(\.text)
    default: []
    }
  }

  /// Checks `exp`, `nbf` and `iat`.
  /// - Parameters:
  ///   - now: seconds since 1970.
  ///   - skew: seconds that clocks may differ by.
  /// - Returns: when it expires, seconds since 1970, the difference not counted.
  package func checkTimes(now: Double, skew: Double) throws(OIDCRefusal) -> Double {
    guard let expiry = try time("exp") else { throw OIDCRefusal("it has no exp") }
    guard now < expiry + skew else { throw OIDCRefusal("it has expired") }
    if let start = try time("nbf"), now < start - skew { throw OIDCRefusal("it is not yet valid") }
    if let issued = try time("iat"), now < issued - skew { throw OIDCRefusal("it was issued in the future") }
    return expiry
  }

  /// A NumericDate (RFC 7519 section 2), seconds since 1970.
  private func time(_ name: String) throws(OIDCRefusal) -> Double? {
    switch claims[name] {
    case nil: return nil
    case .integer(let value): return Double(value)
    case .number(let value) where value.isFinite: return value
    default: throw OIDCRefusal("its \(name) is no time")
    }
  }
}
