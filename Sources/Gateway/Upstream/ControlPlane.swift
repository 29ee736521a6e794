import ArtifactsAPI
import EventLoop
import HTTPTransport

/// The gateway's access to the Artifacts API, on one loop, shared by all.
package actor ControlPlane {
  private let loop: Loop
  private let client: ArtifactsClient
  private let pool: UpstreamPool

  package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  /// - Parameters:
  ///   - metrics: count the calls.
  ///   - courtesy: spares the API; nil for the few calls of a check.
  init(
    on loop: Loop, _ endpoint: APIEndpoint, metrics: GatewayMetrics = GatewayMetrics(),
    courtesy: UpstreamCourtesy? = nil, makePool: @Sendable (Loop) -> sending UpstreamPool
  ) {
    self.loop = loop
    pool = makePool(loop)
    let observer = LoopMetrics(metrics).callObserver
    client = ArtifactsClient(pool, endpoint, observer: courtesy?.observing(observer) ?? observer)
  }

  func getRepo(_ repo: RepoKey) async throws(ArtifactsError) -> Repo {
    try await client.getRepo(repo.namespace, repo.name)
  }

  /// The first of a namespace's repos, or nil.
  func firstRepo(_ namespace: String) async throws(ArtifactsError) -> Repo? {
    try await client.listRepos(namespace, query: [("limit", "1")]).items.first
  }

  func createRepo(_ repo: RepoKey) async throws(ArtifactsError) -> CreatedRepo {
    try await client.createRepo(repo.namespace, name: repo.name)
  }

  func createToken(_ repo: RepoKey, _ scope: TokenScope, ttl: Int) async throws(ArtifactsError) -> NewToken {
    try await client.createToken(repo.namespace, repo: repo.name, scope: scope, ttl: ttl)
  }

  func revokeToken(_ namespace: String, id: String) async throws(ArtifactsError) {
    try await client.revokeToken(namespace, id: id)
  }

  func closeIdle() { pool.closeIdle() }
}
