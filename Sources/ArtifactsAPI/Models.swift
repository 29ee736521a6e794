import FoundationEssentials

/// A repo as the service describes it. Fields that some answers leave out are optional; unknown ones are ignored.
package struct Repo: Codable, Sendable, Hashable {
  package var id: String
  package var name: String
  package var description: String?
  package var default_branch: String?
  package var created_at: String?
  package var updated_at: String?
  package var last_push_at: String?
  package var source: String?
  package var read_only: Bool?
  package var remote: String?
  package var status: String?
  /// Objects copied by a fork.
  package var objects: Int?
}

/// What creating a repo gives: the repo and its first token, if the service sent one.
package struct CreatedRepo: Sendable {
  package var repo: Repo
  package var token: Secret?
}

/// What a token may do: `read` is upload-pack, `write` both services.
package enum TokenScope: String, Codable, Sendable {
  case read, write
}

/// A token fresh from the service.
package struct NewToken: Sendable {
  package let id: String
  package let plaintext: Secret
  /// When the service says it ends, seconds since 1970; nil when it does not say.
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
  var expires_at: String?
  var token_expires_at: String?

  var token: NewToken {
    NewToken(
      id: id ?? "", plaintext: Secret(plaintext),
      expiresAt: (expires_at ?? token_expires_at).flatMap(NewToken.seconds) ?? NewToken.expiry(inSuffixOf: plaintext))
  }
}
