/// Who asks, as far as it was shown.
package struct Identity: Hashable, Sendable, CustomStringConvertible {
  /// By what it was shown.
  package enum Source: String, Hashable, Sendable, CaseIterable {
    /// By nothing.
    case anonymous
    /// A static token of the gateway's own.
    case token
    /// A user of a password file.
    case password
    /// A client certificate.
    case certificate
    /// An ID token of an OpenID provider.
    case oidc
    /// The user of the process at the other end of a Unix socket.
    case unix
  }

  package let source: Source
  /// Unique within its source.
  package let name: String
  /// What else the source vouches for; empty but for ID tokens.
  package let claims: [String: String]

  package init(_ source: Source, _ name: String, claims: [String: String] = [:]) {
    self.source = source
    self.name = name
    self.claims = claims
  }

  /// Whoever shows nothing.
  package static let anonymous = Identity(.anonymous, "anonymous")

  /// By the name, and by the claims of those who have any: each job of one name has others.
  package func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    if !claims.isEmpty { hasher.combine(claims) }
  }

  /// `token:ci`, as rules and logs name it.
  package var description: String { source == .anonymous ? name : "\(source.rawValue):\(name)" }
}
