package import ArtifactsAPI
package import EventLoop
package import HTTPTransport

/// The gateway's access to the Artifacts API, on one loop, shared by all.
package actor ControlPlane {
  private let loop: Loop
  private let client: ArtifactsClient
  private let pool: UpstreamPool

  package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  package init(on loop: Loop, _ endpoint: APIEndpoint, makePool: @Sendable (Loop) -> sending UpstreamPool) {
    self.loop = loop
    pool = makePool(loop)
    client = ArtifactsClient(pool, endpoint)
  }

  func getRepo(_ repo: RepoKey) async throws(ArtifactsError) -> Repo {
    try await client.getRepo(repo.namespace, repo.name)
  }

  func createRepo(_ repo: RepoKey, description: String?, default_branch: String?, read_only: Bool?)
    async throws(ArtifactsError) -> CreatedRepo
  {
    try await client.createRepo(
      repo.namespace, name: repo.name, description: description, default_branch: default_branch, read_only: read_only)
  }

  func listRepos(_ namespace: String, query: [(String, String)]) async throws(ArtifactsError) -> Listing<Repo> {
    try await client.listRepos(namespace, query: query)
  }

  func deleteRepo(_ repo: RepoKey) async throws(ArtifactsError) -> String? {
    try await client.deleteRepo(repo.namespace, repo.name)
  }

  func createToken(_ repo: RepoKey, _ scope: TokenScope, ttl: Int) async throws(ArtifactsError) -> NewToken {
    try await client.createToken(repo.namespace, repo: repo.name, scope: scope, ttl: ttl)
  }

  func revokeToken(_ namespace: String, id: String) async throws(ArtifactsError) {
    try await client.revokeToken(namespace, id: id)
  }

  func closeIdle() { pool.closeIdle() }
}
