import HTTPCore
import HTTPTransport

extension ArtifactsClient {
  package func getRepo(_ namespace: String, _ name: String) async throws(ArtifactsError) -> Repo {
    try await result(Repo.self, .get, Self.path(namespace, "repos", name), isReplayable: true)
  }

  /// One page of a namespace's repos.
  /// - Parameter query: `limit`, `cursor`, `search`, `sort`, `direction`, as the service takes them.
  package func listRepos(_ namespace: String, query: [(String, String)] = []) async throws(ArtifactsError)
    -> Listing<Repo>
  {
    try await call(.get, Self.path(namespace, "repos") + Self.query(query), isReplayable: true)
      .listing(Repo.self, after: query)
  }

  /// Creates a repo. Never sent twice.
  package func createRepo(
    _ namespace: String, name: String, description: String? = nil, default_branch: String? = nil, read_only: Bool? = nil
  ) async throws(ArtifactsError) -> CreatedRepo {
    struct Body: Encodable {
      var name: String
      var description: String?
      var default_branch: String?
      var read_only: Bool?
    }
    let body = Body(name: name, description: description, default_branch: default_branch, read_only: read_only)
    return try await create(Self.path(namespace, "repos"), Self.encode(body), firstByte: endpoint.firstByte)
  }

  /// Copies the repo `source` to `name` in the same namespace. Never sent twice.
  ///
  /// The answer comes when the copy is usable. The service takes `default_branch_only` and copies every ref all the same.
  package func forkRepo(
    _ namespace: String, _ source: String, name: String, description: String? = nil, read_only: Bool? = nil,
    default_branch_only: Bool? = nil
  ) async throws(ArtifactsError) -> CreatedRepo {
    struct Body: Encodable {
      var name: String
      var description: String?
      var read_only: Bool?
      var default_branch_only: Bool?
    }
    let body = Body(
      name: name, description: description, read_only: read_only, default_branch_only: default_branch_only)
    return try await create(
      Self.path(namespace, "repos", source, "fork"), Self.encode(body), firstByte: endpoint.copyFirstByte)
  }

  /// Makes the repo `name` from a public https remote. Never sent twice.
  package func importRepo(
    _ namespace: String, _ name: String, url: String, branch: String? = nil, depth: Int? = nil, read_only: Bool? = nil
  ) async throws(ArtifactsError) -> CreatedRepo {
    struct Body: Encodable {
      var url: String
      var branch: String?
      var depth: Int?
      var read_only: Bool?
    }
    let body = Body(url: url, branch: branch, depth: depth, read_only: read_only)
    return try await create(
      Self.path(namespace, "repos", name, "import"), Self.encode(body), firstByte: endpoint.copyFirstByte)
  }

  /// Deletes a repo. Returns its id, if the service tells it.
  @discardableResult
  package func deleteRepo(_ namespace: String, _ name: String) async throws(ArtifactsError) -> String? {
    try await call(.delete, Self.path(namespace, "repos", name), isReplayable: true).identifier()
  }

  private func create(_ path: String, _ body: [UInt8], firstByte: Duration) async throws(ArtifactsError) -> CreatedRepo
  {
    let response = try await call(.post, path, body: body, isReplayable: false, firstByte: firstByte)
    guard let repo = try response.envelope(Repo.self).result else { throw Self.emptyResult(response) }
    let token = try response.envelope(FirstTokenBody.self).result
    return CreatedRepo(repo: repo, token: token?.secret, tokenExpiresAt: token?.expiresAt)
  }
}
