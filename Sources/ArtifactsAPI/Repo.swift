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
  /// Fields that the service gave as null, and that are passed on so: of one that it left out nothing is known.
  private var nulls: Set<CodingKeys> = []

  private enum CodingKeys: String, CodingKey {
    case id, name, description, default_branch, created_at, updated_at, last_push_at, source, read_only, remote, status
    case objects
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func text(_ key: CodingKeys) throws -> String? { try container.decodeIfPresent(String.self, forKey: key) }
    id = try container.decode(String.self, forKey: .id)
    name = try container.decode(String.self, forKey: .name)
    (description, source, last_push_at) = (try text(.description), try text(.source), try text(.last_push_at))
    (default_branch, remote, status) = (try text(.default_branch), try text(.remote), try text(.status))
    (created_at, updated_at) = (try text(.created_at), try text(.updated_at))
    read_only = try container.decodeIfPresent(Bool.self, forKey: .read_only)
    objects = try container.decodeIfPresent(Int.self, forKey: .objects)
    for key in [CodingKeys.description, .source, .last_push_at] where container.contains(key) {
      if try container.decodeNil(forKey: key) { nulls.insert(key) }
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    func put(_ value: (some Encodable)?, _ key: CodingKeys) throws {
      if let value {
        try container.encode(value, forKey: key)
      } else if nulls.contains(key) {
        try container.encodeNil(forKey: key)
      }
    }
    try put(id, .id)
    try put(name, .name)
    try put(description, .description)
    try put(default_branch, .default_branch)
    try put(created_at, .created_at)
    try put(updated_at, .updated_at)
    try put(last_push_at, .last_push_at)
    try put(source, .source)
    try put(read_only, .read_only)
    try put(remote, .remote)
    try put(status, .status)
    try put(objects, .objects)
  }
}

/// What creating, forking or importing a repo gives: the repo and its first token, if the service sent one.
package struct CreatedRepo: Sendable {
  package var repo: Repo
  package var token: Secret?
  /// When that token ends, seconds since 1970; nil when nothing tells.
  package var tokenExpiresAt: Double?
}
