import ArtifactsAPI
package import GitProtocol
package import HTTPCore

/// A request to one of the three smart-HTTP routes of a repo.
package struct GitRoute: Hashable, Sendable {
  package enum Operation: Hashable, Sendable {
    /// `GET info/refs?service=...`
    case advertisement
    /// `POST git-upload-pack` or `POST git-receive-pack`
    case service
  }

  package let repo: RepoKey
  package let service: Service
  package let operation: Operation
}

/// Where a request goes.
package enum Route: Hashable, Sendable {
  case git(GitRoute)
  case livez, readyz, metrics
  /// `/api/v1` and what follows it, without the query.
  case admin(String)
  case status
  case control(ControlOperation)
  /// Nothing is here; the reason is text for a person.
  case refused(status: Int, allow: String?, String)
}

/// Turns a method and a target into a route. Looks at nothing else and asks nobody.
package struct Router: Sendable {
  private let defaultNamespace: String

  package init(defaultNamespace: String) { self.defaultNamespace = defaultNamespace }

  package func route(_ method: HTTPCore.Method, _ path: Substring, query: Substring?) -> Route {
    // The admin API tells of its paths in its own form.
    if !Self.isAdmin(path), path != "*", let fault = TargetRule.fault(in: path) {
      return .refused(status: 400, allow: nil, fault)
    }
    let route = route(method, to: path, query: query)
    // Never served, wherever; least of all to a browser that asks whether another site's page may.
    let isNeverServed = method == .options || method == .trace || method == .connect
    if isNeverServed, case .refused(404, _, _) = route { return Self.wrongMethod("GET, HEAD, POST, PUT, DELETE") }
    return route
  }

  private func route(_ method: HTTPCore.Method, to path: Substring, query: Substring?) -> Route {
    if path.hasPrefix("/git/") { return git(method, path.dropFirst(5), query: query) }
    switch path {
    case "/livez": return get(method, .livez)
    case "/readyz": return get(method, .readyz)
    case "/metrics": return get(method, .metrics)
    case "/": return get(method, .status)
    default: break
    }
    if path.hasPrefix("/-/"), let operation = ControlOperation(rawValue: String(path.dropFirst(3))) {
      return method == .post ? .control(operation) : Self.wrongMethod("POST")
    }
    if Self.isAdmin(path) { return .admin(String(path.dropFirst(7))) }
    return .refused(
      status: 404, allow: nil, "nothing is here; repos are under /git/<repo>, the admin API under /api/v1")
  }

  private static func isAdmin(_ path: Substring) -> Bool { path == "/api/v1" || path.hasPrefix("/api/v1/") }

  private func get(_ method: HTTPCore.Method, _ route: Route) -> Route {
    method == .get || method == .head
      ? route : .refused(status: 405, allow: "GET, HEAD", "only GET and HEAD are served here")
  }

  private func git(_ method: HTTPCore.Method, _ path: Substring, query: Substring?) -> Route {
    var segments = path.split(separator: "/", maxSplits: 8, omittingEmptySubsequences: false)
    let last = segments.popLast() ?? ""
    if let service = Service(wireName: last) {
      return named(segments) { repo in
        guard method == .post else { return Self.wrongMethod("POST") }
        return .git(GitRoute(repo: repo, service: service, operation: .service))
      }
    }
    if last == "refs", segments.last == "info" {
      segments.removeLast()
      return named(segments) { repo in
        guard method == .get else { return Self.wrongMethod("GET") }
        guard let service = Self.service(in: query) else { return Self.smartOnly }
        return .git(GitRoute(repo: repo, service: service, operation: .advertisement))
      }
    }
    if last == "HEAD" || segments.contains("objects") { return Self.smartOnly }
    return .refused(
      status: 404, allow: nil, "not a git route; clone with: git clone http://<this host>/git/<repo>")
  }

  /// Reads `<repo>` or `<namespace>/<repo>`; an empty segment at the end is a trailing slash.
  private func named(_ segments: [Substring], _ route: (RepoKey) -> Route) -> Route {
    var segments = segments
    if segments.count > 1, segments.last == "" { segments.removeLast() }
    guard let last = segments.last, segments.count <= 2 else {
      return .refused(status: 404, allow: nil, "repos are /git/<repo> or /git/<namespace>/<repo>")
    }
    let name = last.hasSuffix(".git") ? last.dropLast(4) : last
    let namespace = segments.count == 2 ? String(segments[0]) : defaultNamespace
    guard RepoKey.isName(name), RepoKey.isName(namespace) else {
      return .refused(
        status: 400, allow: nil,
        "names of repos and namespaces begin with a letter or digit and hold letters, digits, '.', '_' and '-' only")
    }
    return route(RepoKey(namespace: namespace, name: String(name)))
  }

  private static func service(in query: Substring?) -> Service? {
    guard let query, query.hasPrefix("service=") else { return nil }
    return Service(wireName: query.dropFirst("service=".count))
  }

  private static func wrongMethod(_ allow: String) -> Route {
    .refused(status: 405, allow: allow, "only \(allow) is served here")
  }

  private static var smartOnly: Route {
    .refused(status: 403, allow: nil, "smart HTTP only: this server does not speak git's dumb protocol")
  }
}
