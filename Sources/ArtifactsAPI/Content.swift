/// A commit. On the wire its names are camelCase, unlike all others; snake_case is read, too.
package struct Commit: Codable, Sendable, Hashable {
  package struct Person: Codable, Sendable, Hashable {
    package var name: String?
    package var email: String?
  }

  package var hash: String
  package var treeHash: String?
  package var message: String?
  package var author: Person?
  package var committer: Person?
  package var parents: [String]
  /// Seconds since 1970.
  package var authoredAt: Int?
  package var committedAt: Int?

  private enum CodingKeys: String, CodingKey {
    case hash, treeHash, message, author, committer, parents, authoredAt, committedAt
  }

  private enum SnakeCase: String, CodingKey { case tree_hash, authored_at, committed_at }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let others = try decoder.container(keyedBy: SnakeCase.self)
    hash = try values.decode(String.self, forKey: .hash)
    treeHash =
      try values.decodeIfPresent(String.self, forKey: .treeHash)
      ?? others.decodeIfPresent(String.self, forKey: .tree_hash)
    message = try values.decodeIfPresent(String.self, forKey: .message)
    author = try values.decodeIfPresent(Person.self, forKey: .author)
    committer = try values.decodeIfPresent(Person.self, forKey: .committer)
    parents = try values.decodeIfPresent([String].self, forKey: .parents) ?? []
    authoredAt =
      try values.decodeIfPresent(Int.self, forKey: .authoredAt)
      ?? others.decodeIfPresent(Int.self, forKey: .authored_at)
    committedAt =
      try values.decodeIfPresent(Int.self, forKey: .committedAt)
      ?? others.decodeIfPresent(Int.self, forKey: .committed_at)
  }
}

/// A direct child of a tree.
package struct TreeEntry: Codable, Sendable, Hashable {
  package var name: String
  package var mode: String?
  package var hash: String?
  /// `blob`, `exec`, `symlink`, `tree` or `gitlink`.
  package var type: String?
}
