import FoundationEssentials

/// What a token may do: `read` is upload-pack, `write` both services.
package enum TokenScope: String, Codable, Sendable {
  case read, write
}

/// A token as lists show it: never its secret.
package struct TokenInfo: Codable, Sendable, Hashable {
  package var id: String
  package var scope: String?
  /// `active`, `expired` or `revoked`.
  package var state: String?
  package var created_at: String?
  package var expires_at: String?
}

/// A token fresh from the service.
package struct NewToken: Sendable {
  package let id: String
  package let plaintext: Secret
  package var scope: TokenScope?
  /// The end as the service writes it.
  package var expires_at: String?
  /// The same, seconds since 1970; nil when the service does not say.
  package let expiresAt: Double?

  package init(id: String, plaintext: Secret, expiresAt: Double?) {
    self.id = id
    self.plaintext = plaintext
    self.expiresAt = expiresAt
  }

  /// The instant behind `?expires=` in a token, or nil.
  package static func expiry(inSuffixOf token: String) -> Double? {
    guard let mark = token.utf8.lastIndex(of: UInt8(ascii: "?")) else { return nil }
    let suffix = token[token.utf8.index(after: mark)...]
    guard suffix.hasPrefix("expires=") else { return nil }
    return Double(suffix.dropFirst("expires=".count))
  }

  /// Reads an ISO 8601 time of the service, with or without fractions of a second.
  static func seconds(_ text: String) -> Double? {
    let fractional = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    let whole = Date.ISO8601FormatStyle(includingFractionalSeconds: false)
    return ((try? fractional.parse(text)) ?? (try? whole.parse(text)))?.timeIntervalSince1970
  }
}

/// The wire form of a new token; older answers name the expiry differently.
struct NewTokenBody: Decodable {
  var id: String?
  var plaintext: String
  var scope: String?
  var expires_at: String?
  var token_expires_at: String?

  var token: NewToken {
    let text = expires_at ?? token_expires_at
    var token = NewToken(
      id: id ?? "", plaintext: Secret(plaintext),
      expiresAt: text.flatMap(NewToken.seconds) ?? NewToken.expiry(inSuffixOf: plaintext))
    token.scope = scope.flatMap { TokenScope(rawValue: $0) }
    token.expires_at = text
    return token
  }
}

/// The token in the answer to a create, fork or import. Older answers say when it ends in a field of their own.
struct FirstTokenBody: Decodable {
  var token: String?
  var expires_at: String?
  var token_expires_at: String?

  var secret: Secret? { token.map { Secret($0) } }
  var expiresAt: Double? {
    (expires_at ?? token_expires_at).flatMap(NewToken.seconds) ?? token.flatMap(NewToken.expiry)
  }
}
