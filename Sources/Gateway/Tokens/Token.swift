package import ArtifactsAPI

/// A repo token in use.
package struct Token: Sendable {
  /// The service's id, for revoking. Empty for a token from a file.
  package let id: String
  package let secret: Secret
  /// Wall clock, seconds since 1970; infinite for a token from a file.
  package let expiresAt: Double
  /// From here on a new one is fetched ahead, while this one still serves.
  package let refreshAt: Double
  /// When it was asked for.
  package let mintedAt: Double

  package init(id: String, secret: Secret, expiresAt: Double, refreshAt: Double, mintedAt: Double) {
    self.id = id
    self.secret = secret
    self.expiresAt = expiresAt
    self.refreshAt = refreshAt
    self.mintedAt = mintedAt
  }
}

/// What a token is for.
package struct TokenKey: Hashable, Sendable {
  package let repo: RepoKey
  package let scope: TokenScope

  package init(repo: RepoKey, scope: TokenScope) {
    self.repo = repo
    self.scope = scope
  }
}
