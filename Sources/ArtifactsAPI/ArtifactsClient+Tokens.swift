import HTTPCore
import HTTPTransport

extension ArtifactsClient {
  /// One page of a repo's tokens, without their secrets.
  /// - Parameter query: `state`, `page`, `per_page`, as the service takes them.
  package func listTokens(_ namespace: String, repo: String, query: [(String, String)] = [])
    async throws(ArtifactsError) -> (tokens: [TokenInfo], result_info: ResultInfo?)
  {
    let path = Self.path(namespace, "repos", repo, "tokens") + Self.query(query)
    let envelope = try await call(.get, path, isReplayable: true).envelope([TokenInfo].self)
    return (envelope.result ?? [], envelope.result_info)
  }

  /// Mints a token. Sent again when that failed: a token too many does no harm.
  /// - Parameters:
  ///   - scope: nil for the service's default, `write`.
  ///   - ttl: seconds, 60...31,536,000; nil for the service's default, a day.
  package func createToken(_ namespace: String, repo: String, scope: TokenScope?, ttl: Int?)
    async throws(ArtifactsError)
    -> NewToken
  {
    struct Body: Encodable {
      var repo: String
      var scope: TokenScope?
      var ttl: Int?
    }
    let body = Self.encode(Body(repo: repo, scope: scope, ttl: ttl))
    return try await result(
      NewTokenBody.self, .post, Self.path(namespace, "tokens"), body: body, isReplayable: true
    ).token
  }

  /// Revokes a token. Returns its id. Doing it twice is no error; a token that never was is not found.
  @discardableResult
  package func revokeToken(_ namespace: String, id: String) async throws(ArtifactsError) -> String {
    try await call(.delete, Self.path(namespace, "tokens", id), isReplayable: true).identifier() ?? id
  }
}
