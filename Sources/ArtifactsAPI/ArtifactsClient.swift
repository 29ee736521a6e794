import FoundationEssentials
import HTTPCore
package import HTTPTransport

/// Where the API is and how to call it.
package struct APIEndpoint: Sendable {
  /// `https://api.cloudflare.com/client/v4` or its stand-in.
  package var base: OriginURL
  package var accountID: String
  /// Asked before each call, so that a rotated token is picked up. Nil when there is none.
  package var token: @Sendable () -> Secret?
  /// How long an answer may take to begin.
  package var firstByte = Duration.seconds(30)

  package init(base: OriginURL, accountID: String, token: @escaping @Sendable () -> Secret?) {
    self.base = base
    self.accountID = accountID
    self.token = token
  }
}

/// The Artifacts REST API, typed. Names are upstream's. Confined to its loop.
///
/// Calls that may be made twice are tried up to three times when the service is unreachable, busy (429, 502, 503, 504) or still
/// making the repo (409 with 10301 to 10303); `Retry-After` is honoured up to 30 s.
package final class ArtifactsClient {
  private let http: HTTPClient
  private let endpoint: APIEndpoint

  package init(_ http: HTTPClient, _ endpoint: APIEndpoint) {
    self.http = http
    self.endpoint = endpoint
  }

  // MARK: Repos

  package func getRepo(_ namespace: String, _ name: String) async throws(ArtifactsError) -> Repo {
    try await result(
      Repo.self, .get, "/namespaces/\(PercentCoding.encode(namespace))/repos/\(PercentCoding.encode(name))",
      isReplayable: true)
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
    struct Created: Decodable {
      var token: String?
    }
    let body = Body(name: name, description: description, default_branch: default_branch, read_only: read_only)
    let response = try await call(
      .post, "/namespaces/\(PercentCoding.encode(namespace))/repos", body: encode(body), isReplayable: false)
    let token = try response.envelope(Created.self).result?.token
    guard let repo = try response.envelope(Repo.self).result else { throw Self.emptyResult(response) }
    return CreatedRepo(repo: repo, token: token.map { Secret($0) })
  }

  /// One page of a namespace's repos.
  /// - Parameter query: `limit`, `cursor`, `search`, `sort`, `direction`, as the service takes them.
  package func listRepos(_ namespace: String, query: [(String, String)] = []) async throws(ArtifactsError)
    -> (repos: [Repo], next: String?)
  {
    let text = query.map { "\($0.0)=\(PercentCoding.encode($0.1))" }.joined(separator: "&")
    let path = "/namespaces/\(PercentCoding.encode(namespace))/repos" + (text.isEmpty ? "" : "?\(text)")
    let envelope = try await call(.get, path, isReplayable: true).envelope([Repo].self)
    return (envelope.result ?? [], envelope.result_info?.cursor.flatMap { $0.isEmpty ? nil : $0 })
  }

  /// Deletes a repo. Returns its id.
  package func deleteRepo(_ namespace: String, _ name: String) async throws(ArtifactsError) -> String {
    struct Deleted: Decodable { var id: String }
    return try await result(
      Deleted.self, .delete, "/namespaces/\(PercentCoding.encode(namespace))/repos/\(PercentCoding.encode(name))",
      isReplayable: true
    ).id
  }

  // MARK: Tokens

  /// Mints a token. Sent again when that failed: a token too many does no harm.
  /// - Parameter ttl: seconds, 60...31,536,000.
  package func createToken(_ namespace: String, repo: String, scope: TokenScope, ttl: Int) async throws(ArtifactsError)
    -> NewToken
  {
    struct Body: Encodable {
      var repo: String
      var scope: TokenScope
      var ttl: Int
    }
    let body = encode(Body(repo: repo, scope: scope, ttl: ttl))
    return try await result(
      NewTokenBody.self, .post, "/namespaces/\(PercentCoding.encode(namespace))/tokens", body: body, isReplayable: true
    ).token
  }

  /// Revokes a token. One that is gone already is no error.
  package func revokeToken(_ namespace: String, id: String) async throws(ArtifactsError) {
    do {
      _ = try await call(
        .delete, "/namespaces/\(PercentCoding.encode(namespace))/tokens/\(PercentCoding.encode(id))", isReplayable: true
      )
      .envelope(Ignored.self)
    } catch {
      if !error.isNotFound { throw error }
    }
  }

  // MARK: Calls

  private func result<Result: Decodable>(
    _ type: Result.Type, _ method: HTTPCore.Method, _ path: String, body: [UInt8] = [], isReplayable: Bool
  ) async throws(ArtifactsError) -> Result {
    let response = try await call(method, path, body: body, isReplayable: isReplayable)
    guard let result = try response.envelope(Result.self).result else { throw Self.emptyResult(response) }
    return result
  }

  private static func emptyResult(_ response: HTTPResponse) -> ArtifactsError {
    ArtifactsError(.unreadable(status: response.status), "the API answered \(response.status) without a result")
  }

  private func call(_ method: HTTPCore.Method, _ path: String, body: [UInt8] = [], isReplayable: Bool)
    async throws(ArtifactsError) -> HTTPResponse
  {
    var backoff = Backoff()
    while true {
      let failure: ArtifactsError
      do throws(ArtifactsError) {
        let response = try await send(method, path, body: body, isReplayable: isReplayable)
        _ = (200..<300).contains(response.status) ? nil : try response.envelope(Ignored.self)
        return response
      } catch {
        failure = error
      }
      guard isReplayable, failure.isTransient, let pause = backoff.next(retryAfter: failure.retryAfter) else {
        throw failure
      }
      do { try await Task.sleep(for: pause) } catch { throw failure }
    }
  }

  private func send(_ method: HTTPCore.Method, _ path: String, body: [UInt8], isReplayable: Bool)
    async throws(ArtifactsError) -> HTTPResponse
  {
    guard let token = endpoint.token(), !token.isEmpty else {
      throw ArtifactsError(.noCredentials, "no API token is set")
    }
    guard token.exposed.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
      throw ArtifactsError(.noCredentials, "the API token holds characters that no token holds")
    }
    var fields = Fields([
      (.authorization, "Bearer \(token.exposed)"), (.accept, "application/json"), (.userAgent, "artifacts-gateway"),
    ])
    if !body.isEmpty { fields.append(.contentType, "application/json") }
    let target = "\(endpoint.base.path)/accounts/\(PercentCoding.encode(endpoint.accountID))/artifacts\(path)"
    do {
      return try await http.send(
        method, target, to: endpoint.base.origin, fields: fields, body: body, isReplayable: isReplayable,
        firstByte: endpoint.firstByte)
    } catch {
      throw ArtifactsError(error)
    }
  }

  private func encode(_ body: some Encodable) -> [UInt8] {
    // Flat structures of strings, numbers and booleans: nothing in them can fail to encode.
    (try? JSONEncoder().encode(body)).map { Array($0) } ?? []
  }
}
