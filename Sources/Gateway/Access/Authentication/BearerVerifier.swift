package import ArtifactsAPI

/// Somebody whose credentials were found good.
package struct VerifiedIdentity: Hashable, Sendable {
  package let identity: Identity
  /// Seconds since 1970 from which on they are good no more; nil is never.
  package let expiry: Double?

  package init(_ identity: Identity, expiry: Double?) {
    self.identity = identity
    self.expiry = expiry
  }
}

/// Tells whose a signed token is, such as an ID token of an OpenID provider.
package protocol BearerVerifier: Sendable {
  /// - Parameter token: of the form of a JWS in its compact serialisation (RFC 7515 section 7.1); nothing of it is checked.
  /// - Throws: why it is not taken.
  func verify(_ token: Secret) async throws(CredentialRefusal) -> VerifiedIdentity
}
