import HTTPCore

/// The routes of the control plane, by method and path below `/client/v4`.
enum Route: Equatable {
  case createNamespace
  case listNamespaces
  case getNamespace(String)
  case deleteNamespace(String)
  case createRepo(namespace: String)
  case listRepos(namespace: String)
  case getRepo(namespace: String, repo: String)
  case deleteRepo(namespace: String, repo: String)
  case forkRepo(namespace: String, repo: String)
  case importRepo(namespace: String, repo: String)
  case listTokens(namespace: String, repo: String)
  case createToken(namespace: String)
  case revokeToken(namespace: String, id: String)

  /// Finds the route of a percent-encoded path. Returns nil for an unknown path, and for another method on a known one:
  /// the service answers both alike.
  init?(method: String, path: String) {
    guard let rest = Self.segments(path) else { return nil }
    switch (method, rest.count, rest.count > 1 ? rest[1] : "", rest.count > 3 ? rest[3] : "") {
    case ("POST", 0, _, _): self = .createNamespace
    case ("GET", 0, _, _): self = .listNamespaces
    case ("GET", 1, _, _): self = .getNamespace(rest[0])
    case ("DELETE", 1, _, _): self = .deleteNamespace(rest[0])
    case ("POST", 2, "repos", _): self = .createRepo(namespace: rest[0])
    case ("GET", 2, "repos", _): self = .listRepos(namespace: rest[0])
    case ("GET", 3, "repos", _): self = .getRepo(namespace: rest[0], repo: rest[2])
    case ("DELETE", 3, "repos", _): self = .deleteRepo(namespace: rest[0], repo: rest[2])
    case ("POST", 4, "repos", "fork"): self = .forkRepo(namespace: rest[0], repo: rest[2])
    case ("POST", 4, "repos", "import"): self = .importRepo(namespace: rest[0], repo: rest[2])
    case ("GET", 4, "repos", "tokens"): self = .listTokens(namespace: rest[0], repo: rest[2])
    case ("POST", 2, "tokens", _): self = .createToken(namespace: rest[0])
    case ("DELETE", 3, "tokens", _): self = .revokeToken(namespace: rest[0], id: rest[2])
    default: return nil
    }
  }

  /// The decoded segments behind `/accounts/{account}/artifacts/namespaces`; nil for any other path and for a segment that
  /// is empty or cannot be decoded.
  static func segments(_ path: String) -> [String]? {
    let segments = path.split(separator: "/", omittingEmptySubsequences: false).map {
      PercentCoding.decode($0, allowsNUL: true)
    }
    guard segments.count >= 5, segments[0] == "", segments[1] == "accounts", let account = segments[2],
      isAccount(account), segments[3] == "artifacts", segments[4] == "namespaces"
    else { return nil }
    var rest: [String] = []
    for segment in segments[5...] {
      guard let segment, !segment.isEmpty else { return nil }
      rest.append(segment)
    }
    return rest
  }

  /// The namespace in the path.
  var namespace: String? {
    switch self {
    case .createNamespace, .listNamespaces: nil
    case .getNamespace(let name), .deleteNamespace(let name): name
    case .createRepo(let name), .listRepos(let name), .createToken(let name): name
    case .getRepo(let name, _), .deleteRepo(let name, _), .listTokens(let name, _), .revokeToken(let name, _),
      .forkRepo(let name, _), .importRepo(let name, _):
      name
    }
  }

  /// The repo in the path.
  var repo: String? {
    switch self {
    case .getRepo(_, let name), .deleteRepo(_, let name), .listTokens(_, let name), .forkRepo(_, let name),
      .importRepo(_, let name):
      name
    default: nil
    }
  }

  /// Real accounts are 32 hex digits; any short plain word is taken, so that local set-ups need no real one.
  private static func isAccount(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }
}
