/// Where a namespace's data must stay. Given once, at creation.
package enum Jurisdiction: String, Sendable, Codable {
  case unrestricted, eu, us

  /// The letter that the service puts into tokens. `us` was never seen; its initial is the obvious guess.
  var tokenLetter: String {
    switch self {
    case .unrestricted: "x"
    case .eu: "e"
    case .us: "u"
    }
  }
}

/// A namespace as it is kept on disk (`namespace.json`).
package struct NamespaceRecord: Sendable, Codable {
  package let name: String
  package let jurisdiction: Jurisdiction
  package let createdAt: Timestamp
  package var updatedAt: Timestamp
  /// Deleted repos, oldest first: a second delete of the same name still answers with its id.
  var departed: [Departed] = []

  struct Departed: Sendable, Codable {
    let name: String
    let id: String
  }
}

/// A repo as it is kept on disk (`repo.json`).
package struct RepoRecord: Sendable, Codable, Equatable {
  package let id: String
  package let namespace: String
  package let name: String
  package let description: String?
  package let defaultBranch: String
  package let readOnly: Bool
  /// `artifacts:<ns>/<repo>` for a fork, `git:<url>` for an import, nil for a plain repo.
  package let source: String?
  /// Unique within a data directory, so that sorting by it is a total order.
  package let createdAt: Timestamp
  package let updatedAt: Timestamp
}

/// Whether a repo can be used yet. Not on disk: what was not ready at a crash is gone.
package enum RepoStatus: String, Sendable {
  case ready, forking, importing
}

/// What a git token opens.
package enum TokenScope: String, Sendable, Codable {
  case read, write
}

/// Where a git token is in its life. Revocation outranks expiry.
package enum TokenState: String, Sendable {
  case active, expired, revoked
}

/// A git token as its journal keeps it.
package struct TokenRecord: Sendable, Codable {
  package let id: String
  let secret: String
  package let scope: TokenScope
  package let createdAt: Timestamp
  package let expiresAt: Timestamp
  package var revokedAt: Timestamp?

  package func state(at now: Timestamp) -> TokenState {
    if revokedAt != nil { return .revoked }
    return expiresAt <= now ? .expired : .active
  }

  /// The whole token as it is handed out once. The suffix is decoration: expiry is judged by this record.
  package var plaintext: String { "\(secret)?expires=\(expiresAt.seconds)" }
}
