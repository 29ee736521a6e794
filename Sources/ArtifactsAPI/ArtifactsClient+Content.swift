import EventLoop
import HTTPCore
import HTTPTransport

extension ArtifactsClient {
  /// How much of a refusal is read, bytes.
  private static let refusalLimit = 65_536

  /// Commits, newest first, along first parents.
  /// - Parameter query: `ref`, `limit`, `offset`, as the service takes them.
  package func log(_ namespace: String, _ repo: String, query: [(String, String)] = []) async throws(ArtifactsError)
    -> [Commit]
  {
    let path = Self.path(namespace, "repos", repo, "log") + Self.query(query)
    return try await call(.get, path, isReplayable: true).envelope([Commit].self).result ?? []
  }

  package func getCommit(_ namespace: String, _ repo: String, hash: String) async throws(ArtifactsError) -> Commit {
    try await result(Commit.self, .get, Self.path(namespace, "repos", repo, "commit", hash), isReplayable: true)
  }

  /// The direct children of a tree.
  package func getTree(_ namespace: String, _ repo: String, hash: String) async throws(ArtifactsError) -> [TreeEntry] {
    try await call(.get, Self.path(namespace, "repos", repo, "tree", hash), isReplayable: true)
      .envelope([TreeEntry].self).result ?? []
  }

  /// The bytes of a blob, to be read as they come.
  package func getBlob(_ namespace: String, _ repo: String, hash: String) async throws(ArtifactsError) -> ContentBody {
    try await open(Self.path(namespace, "repos", repo, "blob", hash))
  }

  /// The bytes of a file.
  /// - Parameter query: `ref`, `path`.
  package func getFile(_ namespace: String, _ repo: String, query: [(String, String)]) async throws(ArtifactsError)
    -> ContentBody
  {
    try await open(Self.path(namespace, "repos", repo, "file") + Self.query(query))
  }

  /// The bytes of a file with the type that the service finds in them.
  /// - Parameters:
  ///   - ref: a short name of a branch or tag, or a commit's hash.
  ///   - path: its segments.
  package func getRaw(_ namespace: String, _ repo: String, ref: String, path: [String]) async throws(ArtifactsError)
    -> ContentBody
  {
    try await open(Self.path([namespace, "repos", repo, "raw", ref] + path))
  }

  // MARK: Raw bytes

  private func open(_ path: String) async throws(ArtifactsError) -> ContentBody {
    try await retrying(true) { () async throws(ArtifactsError) in try await attempt(path) }
  }

  private func attempt(_ path: String) async throws(ArtifactsError) -> ContentBody {
    var fields = try credentials()
    fields.append(.accept, "*/*")
    let target = try target(path)
    try await observer.admits()
    let head: ResponseHead
    let connection: any UpstreamExchange
    do throws(TransportError) {
      (head, connection) = try await begin(target, fields)
      observer.answered(head.status, nil)
    } catch {
      observer.answered(nil, nil)
      throw ArtifactsError(error)
    }
    guard (200..<300).contains(head.status) else { throw await refusal(head, connection) }
    return ContentBody(head, connection, pool)
  }

  /// Sends the request and waits for the answer's head; once more when a pooled connection proves to be dead.
  private func begin(_ target: String, _ fields: Fields) async throws(TransportError) -> (
    ResponseHead, any UpstreamExchange
  ) {
    var connection = try await pool.connection(to: endpoint.base.origin)
    while true {
      connection.send(.get, target, .none) { writer in
        writer.append(.host, endpoint.base.origin.authority)
        writer.append(fields)
      }
      do throws(TransportError) {
        try await connection.flush(idle: pool.timeouts.idle)
        let head = try await connection.receiveHead(to: .get, firstByte: endpoint.firstByte, rest: pool.timeouts.head)
        return (head, connection)
      } catch {
        connection.close()
        guard connection.isReused, error != .timedOut else { throw error }
      }
      connection = try await pool.connect(to: endpoint.base.origin)
    }
  }

  private func refusal(_ head: ResponseHead, _ connection: any UpstreamExchange) async -> ArtifactsError {
    var body: [UInt8] = []
    let list = GatherList()
    while body.count < Self.refusalLimit,
      let more = try? await connection.readBody(into: list, idle: pool.timeouts.idle), more
    {
      list.forEach { body.append(contentsOf: $0.prefix(Self.refusalLimit - body.count)) }
      list.removeAll()
    }
    pool.give(connection)
    do throws(ArtifactsError) {
      _ = try HTTPResponse(status: head.status, fields: head.fields, body: body).envelope(Ignored.self)
    } catch {
      return error
    }
    return ArtifactsError(.unreadable(status: head.status), "the API answered \(head.status)")
  }
}
