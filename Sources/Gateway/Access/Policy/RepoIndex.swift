/// Finds the rules whose `repos` have a repo among them, in a time that depends little on how many there are.
struct RepoIndex: Sendable {
  /// The other part of a pattern, and the rule.
  private struct Goal {
    let other: Glob?
    let rule: Int
  }

  /// Without wildcards, by the hash of the path.
  private var exact: [UInt64: [(path: [UInt8], rule: Int)]] = [:]
  /// By the name, for patterns whose namespace is written out.
  private var byNamespace: [[UInt8]: PrefixIndex<Goal>] = [:]
  /// By the part of the pattern that says more.
  private var names = PrefixIndex<Goal>()
  private var namespaces = PrefixIndex<Goal>()
  /// Those without a slash, such as `**`.
  private var others: [(glob: Glob, rule: Int)] = []
  /// For rules about all of a namespace.
  private var wholeNamespaces: [(glob: Glob, rule: Int)] = []
  private var everything: [Int] = []

  init(_ rules: [AccessRule]) {
    for (number, rule) in rules.enumerated() {
      for text in rule.repos { add(text, number) }
    }
  }

  private mutating func add(_ text: String, _ rule: Int) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2 else {
      let glob = Glob(text.lowercased(), .path)
      others.append((glob, rule))
      guard text == "**" else { return }
      wholeNamespaces.append((glob, rule))
      return everything.append(rule)
    }
    let namespace = Glob(parts[0].lowercased(), .path)
    let name = Glob(String(decoding: AccessTarget.canonical(name: parts[1]), as: UTF8.self), .path)
    // A path has one slash: what matches it is a namespace and a name that match.
    if namespace.isExact, name.isExact {
      let path = namespace.prefix + [UInt8(ascii: "/")] + name.prefix
      exact[PrefixHash(of: path).value, default: []].append((path, rule))
    } else if namespace.isExact {
      byNamespace[namespace.prefix, default: PrefixIndex()].add(name, Goal(other: nil, rule: rule))
    } else if name.prefix.count >= namespace.prefix.count {
      names.add(name, Goal(other: namespace, rule: rule))
    } else {
      namespaces.add(namespace, Goal(other: name, rule: rule))
    }
    guard parts[1] == "*" || parts[1] == "**" else { return }
    wholeNamespaces.append((namespace, rule))
    if parts[0] == "*" || parts[0] == "**" { everything.append(rule) }
  }

  /// Whether the pattern of a rule has the target in it.
  static func covers(_ text: String, _ target: AccessTarget) -> Bool {
    var isFound = false
    let index = RepoIndex([AccessRule(name: "", who: [], repos: [text], allow: [])])
    var only = RuleSet(count: 1)
    only.insert(0)
    index.forEachRule(about: target, among: only) { _ in isFound = true }
    return isFound
  }

  /// Those rules of a set that are about a target, in no order; one may come more than once. Patterns of others are not looked
  /// at.
  func forEachRule(about target: AccessTarget, among rules: RuleSet, _ body: (Int) -> Void) {
    if rules.isEmpty { return }
    switch target {
    case .gateway: for rule in everything where rules.contains(rule) { body(rule) }
    case .namespace(let name):
      let name = AccessTarget.canonical(namespace: name)
      for entry in wholeNamespaces where rules.contains(entry.rule) && entry.glob.matches(name) { body(entry.rule) }
    case .repo(let repo):
      let namespace = AccessTarget.canonical(namespace: repo.namespace)
      let name = AccessTarget.canonical(name: repo.name)
      let path = namespace + [UInt8(ascii: "/")] + name
      for entry in exact[PrefixHash(of: path).value] ?? [] where rules.contains(entry.rule) && entry.path == path {
        body(entry.rule)
      }
      let isAsked = { (goal: Goal) in rules.contains(goal.rule) }
      byNamespace[namespace]?.forEachMatch(of: name, where: isAsked) { body($0.rule) }
      names.forEachMatch(of: name, where: isAsked) { if $0.other?.matches(namespace) ?? true { body($0.rule) } }
      namespaces.forEachMatch(of: namespace, where: isAsked) { if $0.other?.matches(name) ?? true { body($0.rule) } }
      for entry in others where rules.contains(entry.rule) && entry.glob.matches(path) { body(entry.rule) }
    }
  }
}
