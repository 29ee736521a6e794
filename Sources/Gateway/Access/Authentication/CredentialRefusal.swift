/// Why somebody is not taken for who he says he is. Only the kind reaches the client; the reason is for the log, and holds no
/// secret.
package struct CredentialRefusal: Error, Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    /// Nothing was shown.
    case missing
    /// What was shown is wrong, expired or not taken here.
    case wrong
    /// It could be right or wrong: too much is being checked.
    case busy
    /// Too much was wrong that came from this address; seconds until more is looked at.
    case limited(Int)
    /// More than one `Authorization`.
    case ambiguous
  }

  package let kind: Kind
  /// May hold names that a client chose; whoever prints it escapes it.
  package let reason: String

  package init(_ kind: Kind, _ reason: String) {
    self.kind = kind
    self.reason = reason
  }

  static func wrong(_ reason: String) -> CredentialRefusal { CredentialRefusal(.wrong, reason) }
}
