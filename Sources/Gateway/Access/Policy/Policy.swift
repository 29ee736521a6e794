/// The rules, made ready for decisions.
///
/// A request is allowed if any rule allows it; what no rule allows is refused. There is no order among rules and no rule that
/// takes away what another gives: so a rule can be read by itself, a further rule can only give more, and rules can be written
/// in any order without a hole. What `deny` withholds, it withholds from its own rule.
package final class Policy: Sendable {
  package let rules: [AccessRule]
  package let groups: [AccessGroup]
  private let who: WhoIndex
  private let repos: RepoIndex
  /// By the place of the right in `Right.allCases`.
  private let giving: [RuleSet]
  private let withClaims: RuleSet
  private let claims: [[(name: String, glob: Glob)]]
  private let refs: [[Glob]]

  /// - Parameters:
  ///   - rules: whose patterns have been checked.
  ///   - groups: all that the rules name.
  package init(_ rules: [AccessRule], _ groups: [AccessGroup] = []) {
    self.rules = rules
    self.groups = groups
    who = WhoIndex(rules, groups)
    repos = RepoIndex(rules)
    giving = Right.allCases.map { right in
      var set = RuleSet(count: rules.count)
      for (number, rule) in rules.enumerated() where rule.allow.contains(right) { set.insert(number) }
      return set
    }
    var withClaims = RuleSet(count: rules.count)
    for (number, rule) in rules.enumerated() where !rule.claims.isEmpty { withClaims.insert(number) }
    self.withClaims = withClaims
    claims = rules.map { rule in rule.claims.map { ($0.key, Glob($0.value, .path)) }.sorted { $0.0 < $1.0 } }
    refs = rules.map { $0.refs.map { Glob($0, .path) } }
  }

  /// The rules that are about an identity, whatever it wants.
  func rules(for identity: Identity) -> RuleSet {
    var found = who.rules(for: identity)
    var claimed = found
    claimed.formIntersection(withClaims)
    claimed.forEach { number in
      if !claims[number].allSatisfy({ identity.claims[$0.name].map($0.glob.matches) ?? false }) { found.remove(number) }
    }
    return found
  }

  /// The first rule that allows it; nil when none does.
  func rule(_ candidates: RuleSet, giving right: Right, to target: AccessTarget) -> Int? {
    var first: Int?
    repos.forEachRule(about: target, among: giving(right, among: candidates)) { first = min($0, first ?? .max) }
    return first
  }

  /// All rules that let an identity push to a repo: to which refs, and how, they say themselves.
  func pushRules(_ identity: Identity, _ repo: RepoKey) -> [Int] {
    var numbers: Set<Int> = []
    repos.forEachRule(about: .repo(repo), among: giving(.push, among: rules(for: identity))) { numbers.insert($0) }
    return numbers.sorted()
  }

  /// Whether any rule lets an identity read anything at all.
  func readsAnything(_ candidates: RuleSet) -> Bool {
    !giving(.read, among: candidates).isEmpty
  }

  private func giving(_ right: Right, among candidates: RuleSet) -> RuleSet {
    var candidates = candidates
    candidates.formIntersection(giving[Right.allCases.firstIndex(of: right) ?? 0])
    return candidates
  }

  /// Whether a rule is about this ref.
  func isAbout(_ rule: Int, ref: String) -> Bool { refs[rule].isEmpty || refs[rule].contains { $0.matches(ref) } }
}
