import HTTPCore
import HTTPTransport

extension ArtifactsClient {
  /// One page of the account's namespaces.
  /// - Parameter query: `limit`, `cursor`, as the service takes them.
  package func listNamespaces(query: [(String, String)] = []) async throws(ArtifactsError) -> Listing<Namespace> {
    try await call(.get, Self.path() + Self.query(query), isReplayable: true).listing(Namespace.self, after: query)
  }

  /// Creates a namespace. Never sent twice.
  /// - Parameter jurisdiction: `eu` or `us`; without it the data may be anywhere. It cannot be changed.
  package func createNamespace(_ namespace: String, jurisdiction: String? = nil) async throws(ArtifactsError)
    -> Namespace
  {
    struct Body: Encodable {
      var namespace: String
      var jurisdiction: String?
    }
    let body = Self.encode(Body(namespace: namespace, jurisdiction: jurisdiction))
    return try await result(Namespace.self, .post, Self.path(), body: body, isReplayable: false)
  }

  package func getNamespace(_ namespace: String) async throws(ArtifactsError) -> Namespace {
    try await result(Namespace.self, .get, Self.path(namespace), isReplayable: true)
  }

  /// Deletes a namespace. The service answers without a body.
  package func deleteNamespace(_ namespace: String) async throws(ArtifactsError) {
    let response = try await call(.delete, Self.path(namespace), isReplayable: true)
    if !response.body.isEmpty { _ = try response.envelope(Ignored.self) }
  }
}
