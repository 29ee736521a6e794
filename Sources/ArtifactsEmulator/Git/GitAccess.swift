package import GitProtocol

/// Whether a git request may go on: the rules of the service's data plane, which knows repo tokens only.
package struct GitAccess: Sendable {
  package enum Decision: Sendable, Equatable {
    case allowed(RepoRecord)
    case refused(Refusal)
  }

  /// A plain-text answer, which git shows behind `remote:`.
  package struct Refusal: Sendable, Equatable {
    package let status: Int
    package let text: String
    /// The value of `WWW-Authenticate`.
    package let challenge: String?

    static let unauthenticated = Refusal(
      status: 401, text: "Authentication required", challenge: #"Basic realm="artifacts""#)
    static let badToken = Refusal(status: 403, text: "Invalid or expired token", challenge: nil)
    static let insufficient = Refusal(status: 403, text: "Insufficient permissions", challenge: nil)
  }

  private let store: Store

  package init(store: Store) { self.store = store }

  /// Judges a request by its `Authorization` value.
  ///
  /// - Parameter repo: as it stands in the path, with `.git` or without.
  ///
  /// A repo that is not there cannot have a token, so whoever presents one hears of the token, not of the repo.
  package func decide(namespace: String, repo: String, service: Service, authorization: String?) async -> Decision {
    guard let authorization, let secret = Self.secret(in: authorization) else { return .refused(.unauthenticated) }
    guard let found = await store.lookUp(secret: secret), found.state == .active, found.repo.namespace == namespace,
      repo == found.repo.name || repo == found.repo.name + ".git"
    else { return .refused(.badToken) }
    guard service == .uploadPack || found.scope == .write else { return .refused(.insufficient) }
    return .allowed(found.repo)
  }

  /// The secret that is presented, without the suffix, which decides nothing. Nil for none: the service reads a Basic
  /// user name never, and a password only when it looks like a token.
  private static func secret(in authorization: String) -> String? {
    let token: String
    switch Authorization(parsing: authorization) {
    case .bearer(let text): token = text
    case .basic(_, let password):
      guard password.hasPrefix("art_v") else { return nil }
      token = password
    case nil: return nil
    }
    let secret = token.prefix { $0 != "?" }
    return secret.isEmpty ? nil : String(secret)
  }
}
