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

/// What creating, forking or importing a repo gives: the repo and its first token, if the service sent one.
package struct CreatedRepo: Sendable {
  package var repo: Repo
  package var token: Secret?
  /// When that token ends, seconds since 1970; nil when nothing tells.
  package var tokenExpiresAt: Double?
}
