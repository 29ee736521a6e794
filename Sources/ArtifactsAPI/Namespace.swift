/// A namespace as the service describes it. Older answers call its name `name` and give an id.
package struct Namespace: Codable, Sendable, Hashable {
  package var namespace: String
  package var jurisdiction: String?
  package var repo_count: Int?
  package var created_at: String?
  package var updated_at: String?

  private enum CodingKeys: String, CodingKey { case namespace, jurisdiction, repo_count, created_at, updated_at }
  private enum OlderKeys: String, CodingKey { case name }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    namespace =
      try values.decodeIfPresent(String.self, forKey: .namespace)
      ?? decoder.container(keyedBy: OlderKeys.self).decode(String.self, forKey: .name)
    jurisdiction = try values.decodeIfPresent(String.self, forKey: .jurisdiction)
    repo_count = try values.decodeIfPresent(Int.self, forKey: .repo_count)
    created_at = try values.decodeIfPresent(String.self, forKey: .created_at)
    updated_at = try values.decodeIfPresent(String.self, forKey: .updated_at)
  }
}
