import HTTPCore

/// A row of the admin API's table: a method, a pattern of path segments, the query parameters it knows, and who answers.
struct AdminRoute: Sendable {
  typealias Handler = @Sendable (AdminAPI) -> (AdminCall) async throws(Problem) -> Void

  let method: HTTPCore.Method
  /// Literal segments, `{parameter}`s, and `{path...}` for one segment or more at the end.
  let pattern: [Substring]
  /// It is served below `/namespaces/{ns}` as well.
  let isInNamespace: Bool
  let query: Set<String>
  let handler: Handler

  init(
    _ method: HTTPCore.Method, _ pattern: String, isInNamespace: Bool = true, query: Set<String> = [],
    _ handler: @escaping Handler
  ) {
    self.method = method
    self.pattern = pattern.split(separator: "/")
    self.isInNamespace = isInNamespace
    self.query = query
    self.handler = handler
  }

  static let table: [AdminRoute] = [
    AdminRoute(.get, "repos", query: ["limit", "cursor", "search", "sort", "direction"], AdminAPI.listRepos),
    AdminRoute(.post, "repos", query: ["include_token"], AdminAPI.createRepo),
    AdminRoute(.get, "repos/{name}", AdminAPI.getRepo),
    AdminRoute(.put, "repos/{name}", query: ["include_token"], AdminAPI.ensureRepo),
    AdminRoute(.delete, "repos/{name}", AdminAPI.deleteRepo),
    AdminRoute(.post, "repos/{name}/fork", query: ["include_token"], AdminAPI.forkRepo),
    AdminRoute(.post, "repos/{name}/import", query: ["include_token"], AdminAPI.importRepo),
    AdminRoute(.get, "repos/{name}/tokens", query: ["state", "page", "per_page"], AdminAPI.listTokens),
    AdminRoute(.post, "repos/{name}/tokens", AdminAPI.createToken),
    AdminRoute(.delete, "tokens/{id}", AdminAPI.revokeToken),
    AdminRoute(.get, "repos/{name}/log", query: ["ref", "limit", "offset"], AdminAPI.log),
    AdminRoute(.get, "repos/{name}/commits/{hash}", AdminAPI.getCommit),
    AdminRoute(.get, "repos/{name}/trees/{hash}", AdminAPI.getTree),
    AdminRoute(.get, "repos/{name}/blobs/{hash}", AdminAPI.getBlob),
    AdminRoute(.get, "repos/{name}/file", query: ["ref", "path"], AdminAPI.getFile),
    AdminRoute(.get, "repos/{name}/raw/{ref}/{path...}", AdminAPI.getRaw),
    AdminRoute(.get, "namespaces", isInNamespace: false, query: ["limit", "cursor"], AdminAPI.listNamespaces),
    AdminRoute(.post, "namespaces", isInNamespace: false, AdminAPI.createNamespace),
    AdminRoute(.get, "namespaces/{ns}", isInNamespace: false, AdminAPI.getNamespace),
    AdminRoute(.delete, "namespaces/{ns}", isInNamespace: false, AdminAPI.deleteNamespace),
    AdminRoute(.get, "status", isInNamespace: false, AdminAPI.status),
  ]

  /// Whether the pattern is that of a path.
  func matches(_ segments: ArraySlice<String>) -> Bool {
    let isOpen = pattern.last == "{path...}"
    guard isOpen ? segments.count >= pattern.count : segments.count == pattern.count else { return false }
    return zip(pattern, segments).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
  }

  /// The parameters of a path that matches, each checked for its kind.
  func parameters(of segments: ArraySlice<String>) throws(Problem) -> [String: String] {
    var parameters: [String: String] = [:]
    for (piece, segment) in zip(pattern, segments) where piece.hasPrefix("{") {
      let name = String(piece.dropFirst().dropLast())
      switch name {
      case "name", "ns", "id":
        guard RepoKey.isName(segment) else { throw .badName(name == "ns" ? "namespace" : name) }
      case "hash":
        guard segment.utf8.count == 40, segment.utf8.allSatisfy({ $0 &- 0x30 < 10 || $0 &- 0x61 < 6 }) else {
          throw Problem(400, "a hash is 40 digits of lower-case hexadecimal", pointer: "/hash")
        }
      default: break
      }
      parameters[name] = segment
    }
    return parameters
  }

  /// The segments that `{path...}` stands for.
  func tail(of segments: ArraySlice<String>) -> [String] {
    pattern.last == "{path...}" ? Array(segments.dropFirst(pattern.count - 1)) : []
  }
}
