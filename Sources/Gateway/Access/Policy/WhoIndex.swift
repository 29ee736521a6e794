/// Finds the rules whose `who` an identity is among. An identity that is written out, in a rule or in a group, costs a look-up
/// however many there are; patterns are tried one by one.
struct WhoIndex: Sendable {
  /// What an entry leads to.
  private struct Goal {
    var rules: [Int] = []
    var groups: [Int] = []
  }

  private let count: Int
  private var named: [String: Goal] = [:]
  private var patterns: [(source: Identity.Source, glob: Glob, goal: Goal)] = []
  private var everybody: RuleSet
  /// By the number of the group.
  private var groupRules: [RuleSet]

  init(_ rules: [AccessRule], _ groups: [AccessGroup]) {
    count = rules.count
    everybody = RuleSet(count: count)
    groupRules = Array(repeating: RuleSet(count: count), count: groups.count)
    var numbers: [String: Int] = [:]
    for (number, group) in groups.enumerated() {
      numbers[group.name] = number
      for member in group.members { add(IdentityPattern(member), Goal(groups: [number])) }
    }
    for (number, rule) in rules.enumerated() {
      for entry in rule.who {
        switch IdentityPattern(entry) {
        case .everybody: everybody.insert(number)
        case .group(let name): if let group = numbers[name] { groupRules[group].insert(number) }
        case let pattern: add(pattern, Goal(rules: [number]))
        }
      }
    }
  }

  private mutating func add(_ pattern: IdentityPattern?, _ goal: Goal) {
    switch pattern {
    case .anonymous: add(Identity.anonymous.description, goal)
    case .named(let source, let glob) where glob.isExact: add("\(source.rawValue):\(glob)", goal)
    case .named(let source, let glob): patterns.append((source, glob, goal))
    case .everybody, .group, nil: break
    }
  }

  private mutating func add(_ name: String, _ goal: Goal) {
    named[name, default: Goal()].rules += goal.rules
    named[name, default: Goal()].groups += goal.groups
  }

  /// The rules whose `who` has the identity in it; whether its claims do, too, is not looked at.
  func rules(for identity: Identity) -> RuleSet {
    var found = everybody
    func take(_ goal: Goal) {
      for rule in goal.rules { found.insert(rule) }
      for group in goal.groups { found.formUnion(groupRules[group]) }
    }
    if let goal = named[identity.description] { take(goal) }
    let name = Array(identity.name.utf8)
    for pattern in patterns where pattern.source == identity.source && pattern.glob.matches(name) { take(pattern.goal) }
    return found
  }
}
