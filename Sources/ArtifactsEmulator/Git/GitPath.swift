import GitProtocol
import HTTPCore

/// A request's path on the data plane: `/git/{namespace}/{repo}[.git]/{route}`.
struct GitPath: Equatable {
  enum Route: Equatable {
    case advertisement
    case service(Service)
  }

  let namespace: String
  /// As it stands in the path, with `.git` or without.
  let repo: String
  let route: Route

  /// Reads a percent-encoded path. Returns nil for any other route; dumb HTTP has none.
  init?(_ path: some StringProtocol) {
    let segments = path.split(separator: "/", omittingEmptySubsequences: false).map { PercentCoding.decode($0) }
    guard segments.count >= 5, segments[0] == "", segments[1] == "git", let namespace = segments[2],
      let repo = segments[3], NameRule.isNamespace(namespace), NameRule.isRepo(repo)
    else { return nil }
    self.namespace = namespace
    self.repo = repo
    if segments[4...].elementsEqual(["info", "refs"]) {
      route = .advertisement
    } else if segments.count == 5, let service = segments[4].flatMap({ Service(wireName: $0) }) {
      route = .service(service)
    } else {
      return nil
    }
  }
}
