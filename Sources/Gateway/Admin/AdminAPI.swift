import ArtifactsAPI
import EventLoop
import FoundationEssentials
import HTTPCore
import HTTPTransport

/// The simplified JSON API under `/api/v1`: flat JSON in and out, translated into calls of the Artifacts API.
struct AdminAPI {
  /// The longest request body, bytes.
  private static let bodyLimit = 1 << 20

  let control: ControlPlane
  let directory: RemoteDirectory
  let broker: TokenBroker
  let defaultNamespace: String
  let isReadOnly: Bool

  /// A repo as callers see it: upstream's fields and the URL to clone it by.
  private struct RepoView: Encodable {
    let repo: Repo
    let clone_url: String
    let token: String?

    private enum CodingKeys: String, CodingKey { case clone_url, token }

    func encode(to encoder: any Encoder) throws {
      try repo.encode(to: encoder)
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(clone_url, forKey: .clone_url)
      try container.encodeIfPresent(token, forKey: .token)
    }
  }

  private struct RepoList: Encodable {
    let repos: [RepoView]
    let next_cursor: String?

    private enum CodingKeys: String, CodingKey { case repos, next_cursor }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(repos, forKey: .repos)
      try container.encode(next_cursor, forKey: .next_cursor)
    }
  }

  private struct Deleted: Encodable { let id: String? }

  private struct RepoRequest: Decodable {
    var name: String?
    var description: String?
    var default_branch: String?
    var read_only: Bool?

    static let fields: Set<String> = ["name", "description", "default_branch", "read_only"]
  }

  // MARK: Routes

  /// - Parameter path: what follows `/api/v1`.
  func handle(_ exchange: ServerExchange, _ path: String, requestID: String) async throws(TransportError) {
    do throws(Problem) {
      try await route(exchange, path)
    } catch {
      guard !exchange.hasStarted else { return exchange.abort() }
      var problem = error
      problem.request_id = requestID
      var fields = Fields([(.contentType, "application/problem+json"), ("x-request-id", requestID)])
      fields.append("x-artifacts-gateway-error", problem.word)
      if let allow = problem.allow { fields.append(.allow, allow) }
      if let seconds = problem.retryAfter { fields.append(.retryAfter, "\(max(1, seconds))") }
      try await exchange.respond(status: problem.status, fields: fields, body: encode(problem))
    }
  }

  private func route(_ exchange: ServerExchange, _ path: String) async throws(Problem) {
    var segments = path.split(separator: "/").map(String.init)
    var namespace = defaultNamespace
    if segments.count >= 3, segments[0] == "namespaces" {
      namespace = segments[1]
      segments.removeFirst(2)
    }
    guard RepoKey.isName(namespace) else { throw Problem(400, "not a name of a namespace", pointer: "/namespace") }
    guard segments.first == "repos", segments.count <= 2 else {
      throw Problem(404, "no such call; repos are under /api/v1/repos")
    }
    if isReadOnly, exchange.request.method != .get {
      throw Problem(403, "this gateway is read-only")
    }
    if exchange.request.method != .get, BrowserGuard.isCrossSite(exchange.request) {
      throw Problem(403, "state-changing calls from pages of another site are refused")
    }
    if segments.count == 1 {
      switch exchange.request.method {
      case .get: try await list(exchange, namespace)
      case .post: try await create(exchange, namespace)
      default: throw Problem(405, "only GET and POST are served here", allow: "GET, POST")
      }
    } else {
      guard RepoKey.isName(segments[1]) else { throw Problem(400, "not a name of a repo", pointer: "/name") }
      let repo = RepoKey(namespace: namespace, name: segments[1])
      switch exchange.request.method {
      case .get:
        let found = try await get(repo)
        await answer(exchange, 200, view(found, exchange, namespace))
      case .put: try await ensure(exchange, repo)
      case .delete: try await delete(exchange, repo)
      default: throw Problem(405, "only GET, PUT and DELETE are served here", allow: "GET, PUT, DELETE")
      }
    }
  }

  private func list(_ exchange: ServerExchange, _ namespace: String) async throws(Problem) {
    var query: [(String, String)] = []
    for pair in (exchange.request.query ?? "").split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard ["limit", "cursor", "search", "sort", "direction"].contains(parts[0]), parts.count == 2,
        let value = PercentCoding.decode(parts[1])
      else { throw Problem(400, "unknown or malformed query parameter", pointer: "/\(parts[0])") }
      query.append((String(parts[0]), value))
    }
    do throws(ArtifactsError) {
      let page = try await control.listRepos(namespace, query: query)
      let views = page.items.map { view($0, exchange, namespace) }
      await answer(exchange, 200, RepoList(repos: views, next_cursor: page.cursor))
    } catch {
      throw Problem(error)
    }
  }

  private func create(_ exchange: ServerExchange, _ namespace: String) async throws(Problem) {
    let request = try await body(exchange)
    guard let name = request.name else { throw Problem(400, "the field name is required", pointer: "/name") }
    guard RepoKey.isName(name) else { throw Problem(400, "not a name of a repo", pointer: "/name") }
    let repo = RepoKey(namespace: namespace, name: name)
    do throws(ArtifactsError) {
      try await create(exchange, repo, request)
    } catch {
      throw Problem(error)
    }
  }

  /// Gets the repo, or creates it. When somebody else creates it at the same time, that one is given.
  private func ensure(_ exchange: ServerExchange, _ repo: RepoKey) async throws(Problem) {
    let request = try await body(exchange)
    guard request.name == nil || request.name == repo.name else {
      throw Problem(400, "the field name differs from the path", pointer: "/name")
    }
    do throws(ArtifactsError) {
      let found: Repo
      do throws(ArtifactsError) { found = try await control.getRepo(repo) } catch {
        guard error.isNotFound else { throw error }
        do throws(ArtifactsError) { return try await create(exchange, repo, request) } catch {
          guard error.isAlreadyThere else { throw error }
          found = try await control.getRepo(repo)
        }
      }
      await answer(exchange, 200, view(found, exchange, repo.namespace))
    } catch {
      throw Problem(error)
    }
  }

  private func create(_ exchange: ServerExchange, _ repo: RepoKey, _ request: RepoRequest)
    async throws(ArtifactsError)
  {
    let created = try await control.createRepo(
      repo, description: request.description, default_branch: request.default_branch, read_only: request.read_only)
    // What was known of a repo of this name is of another one.
    await directory.forget(repo)
    await broker.forget(repo)
    if let token = created.token { await broker.adopt(token, for: repo) }
    var full = created.repo
    if full.read_only == nil { full.read_only = request.read_only ?? false }
    let isTokenWanted = exchange.request.query == "include_token=true"
    await answer(
      exchange, 201, view(full, exchange, repo.namespace, token: isTokenWanted ? created.token : nil),
      location: "/api/v1/namespaces/\(repo.namespace)/repos/\(repo.name)")
  }

  private func get(_ repo: RepoKey) async throws(Problem) -> Repo {
    do { return try await control.getRepo(repo) } catch { throw Problem(error) }
  }

  private func delete(_ exchange: ServerExchange, _ repo: RepoKey) async throws(Problem) {
    do throws(ArtifactsError) {
      let id = try await control.deleteRepo(repo)
      await directory.forget(repo)
      await broker.forget(repo)
      await answer(exchange, 202, Deleted(id: id))
    } catch {
      throw Problem(error)
    }
  }

  // MARK: Bodies

  private func view(_ repo: Repo, _ exchange: ServerExchange, _ namespace: String, token: Secret? = nil) -> RepoView {
    let host = exchange.request.fields[.host] ?? "localhost"
    let path = namespace == defaultNamespace ? repo.name : "\(namespace)/\(repo.name)"
    return RepoView(repo: repo, clone_url: "http://\(host)/git/\(path)", token: token?.exposed)
  }

  private func body(_ exchange: ServerExchange) async throws(Problem) -> RepoRequest {
    if exchange.request.framing == .none { return RepoRequest() }
    guard let type = exchange.request.fields[.contentType], type.lowercased().hasPrefix("application/json") else {
      throw Problem(415, "the body must be application/json")
    }
    let bytes: [UInt8]
    do { bytes = try await exchange.readBody(limit: Self.bodyLimit) } catch {
      if case .tooLong = error { throw Problem(413, "the body is longer than 1 MiB") }
      throw Problem(400, "the body could not be read")
    }
    guard let object = try? JSONDecoder().decode([String: Ignored].self, from: Data(bytes)) else {
      throw Problem(400, "the body is not a JSON object")
    }
    if let unknown = object.keys.sorted().first(where: { !RepoRequest.fields.contains($0) }) {
      throw Problem(400, "unknown field", pointer: "/\(unknown)")
    }
    do {
      return try JSONDecoder().decode(RepoRequest.self, from: Data(bytes))
    } catch DecodingError.typeMismatch(_, let context) {
      throw Problem(400, "a field of the wrong type", pointer: "/\(context.codingPath.first?.stringValue ?? "")")
    } catch {
      throw Problem(400, "the body is not what is expected")
    }
  }

  private struct Ignored: Decodable { init(from decoder: any Decoder) {} }

  private func answer(
    _ exchange: ServerExchange, _ status: Int, _ body: some Encodable, location: String? = nil
  ) async {
    var fields = Fields([(.contentType, "application/json"), (.cacheControl, "no-store")])
    if let location { fields.append(.location, location) }
    // A client that has gone is nobody's error.
    try? await exchange.respond(status: status, fields: fields, body: encode(body))
  }

  private func encode(_ value: some Encodable) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(value)).map { Array($0) + [0x0a] } ?? []
  }
}
