/// Finds the rules whose `repos` have a repo among them. Repos, and namespaces, that are written out cost a look-up however
/// many there are; other patterns are tried one by one.
struct RepoIndex: Sendable {
  private typealias Entry = (glob: Glob, rule: Int)

  private var exact: [[UInt8]: [Int]] = [:]
  private var byNamespace: [[UInt8]: [Entry]] = [:]
  private var others: [Entry] = []
  /// For rules about all of a namespace.
  private var namespaces: [Entry] = []
  private var everything: [Int] = []

  init(_ rules: [AccessRule]) {
    for (number, rule) in rules.enumerated() {
      for text in rule.repos { add(text, number) }
    }
  }

  private mutating func add(_ text: String, _ rule: Int) {
    let glob = Self.glob(text)
    let pattern = glob.description
    if glob.isExact { return exact[Array(pattern.utf8), default: []].append(rule) }
    let parts = pattern.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let isPair = parts.count == 2
    if isPair, Glob(parts[0], .path).isExact {
      byNamespace[Array(parts[0].utf8), default: []].append((glob, rule))
    } else {
      others.append((glob, rule))
    }
    let isWholeNamespace = isPair && (parts[1] == "*" || parts[1] == "**")
    if isWholeNamespace { namespaces.append((Glob(parts[0], .path), rule)) }
    if pattern == "**" {
      namespaces.append((glob, rule))
      everything.append(rule)
    } else if isWholeNamespace, parts[0] == "*" || parts[0] == "**" {
      everything.append(rule)
    }
  }

  /// The pattern as rules see repos: without case, and without `.git`.
  static func glob(_ text: String) -> Glob {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2 else { return Glob(text.lowercased(), .path) }
    let name = String(decoding: AccessTarget.canonical(name: parts[1]), as: UTF8.self)
    return Glob("\(parts[0].lowercased())/\(name)", .path)
  }

  /// Whether the pattern of a rule has the target in it.
  static func covers(_ text: String, _ target: AccessTarget) -> Bool {
    var isFound = false
    RepoIndex([AccessRule(name: "", who: [], repos: [text], allow: [])]).forEachRule(about: target) { _ in isFound = true }
    return isFound
  }

  /// The rules about a target, in no order; one may come more than once.
  func forEachRule(about target: AccessTarget, _ body: (Int) -> Void) {
    switch target {
    case .gateway: everything.forEach(body)
    case .namespace(let name):
      let name = AccessTarget.canonical(namespace: name)
      for entry in namespaces where entry.glob.matches(name) { body(entry.rule) }
    case .repo(let repo):
      let path = AccessTarget.canonical(repo)
      exact[path]?.forEach(body)
      for entry in byNamespace[AccessTarget.canonical(namespace: repo.namespace)] ?? [] where entry.glob.matches(path) {
        body(entry.rule)
      }
      for entry in others where entry.glob.matches(path) { body(entry.rule) }
    }
  }
}
