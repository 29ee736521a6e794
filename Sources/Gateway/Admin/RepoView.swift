import ArtifactsAPI

/// A repo as callers see it: upstream's fields, the URL to clone it by, and its first token if that was asked for.
struct RepoView: Encodable {
  private let repo: Repo
  private let clone_url: String
  private let token: Secret?

  private enum CodingKeys: String, CodingKey { case clone_url, token }

  /// - Parameters:
  ///   - base: where git is served: `http://localhost:7080`.
  ///   - defaultNamespace: the one that a clone URL leaves out.
  init(_ repo: Repo, _ call: AdminCall, base: String, defaultNamespace: String, token: Secret? = nil) {
    let path = call.namespace == defaultNamespace ? repo.name : "\(call.namespace)/\(repo.name)"
    self.repo = repo
    clone_url = "\(base)/git/\(path)"
    self.token = token
  }

  func encode(to encoder: any Encoder) throws {
    try repo.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(clone_url, forKey: .clone_url)
    try container.encodeIfPresent(token?.exposed, forKey: .token)
  }
}
