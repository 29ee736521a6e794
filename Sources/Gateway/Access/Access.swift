import HTTPTransport
import Logging

/// Decides for one loop what identities may do, before anything is looked up for them. What it has decided it remembers, within
/// bounds and until the rules change. Confined to its loop.
final class Access {
  private struct Question: Hashable {
    /// Of the rules about who asks, in `sets`: whoever has the same rules gets the same answers.
    let set: Int
    let right: Right
    let target: AccessTarget

    /// Without the right: most ask for one alone.
    func hash(into hasher: inout Hasher) {
      hasher.combine(set)
      hasher.combine(target)
    }
  }

  /// Most decisions remembered, and most identities whose rules are.
  private static let decisionLimit = 8_192
  private static let identityLimit = 8_192

  private let shared: AccessPolicy
  private let metrics: GatewayMetrics
  private let log: Logger
  private var generation: UInt64
  private var current: AccessPolicy.Current?
  private var limits: AccessLimits
  /// The rules about an identity, whatever it wants, by their place in `sets`.
  private var candidates: [Identity: Int] = [:]
  private var sets: [RuleSet] = []
  private var setNumbers: [RuleSet: Int] = [:]
  /// The rule that allows, or nil.
  private var decisions: [Question: Int?] = [:]

  init(_ shared: AccessPolicy, _ metrics: GatewayMetrics, _ log: Logger) {
    self.shared = shared
    self.metrics = metrics
    self.log = log
    generation = shared.generation
    current = shared.current
    limits = shared.currentLimits
  }

  /// Nil when nobody has a limit.
  var limiter: IdentityLimiter? {
    catchUp()
    return limits.identities
  }

  /// What a push may bring at most.
  var pushLimits: PushLimits {
    catchUp()
    return limits.push
  }

  /// There are rules at all.
  var isOn: Bool {
    catchUp()
    return current != nil
  }

  /// Nothing is refused, but what would be is told.
  var isReporting: Bool {
    catchUp()
    return current?.mode == .report
  }

  /// Why somebody may not do something; nil when he may. In report mode it is told and counted, and he may.
  func refusal(_ record: RequestRecord, _ right: Right, _ target: AccessTarget) -> ProxyError? {
    catchUp()
    guard let policy = current?.policy else { return nil }
    if let rule = rule(policy, record.identity, right, target) {
      record.rule = policy.rules[rule].name
      return nil
    }
    return refuse(Self.refusal(record.identity, right, target), record)
  }

  /// Whether somebody may do something, whatever the mode, and told to nobody.
  func allows(_ identity: Identity, _ right: Right, _ target: AccessTarget) -> Bool {
    catchUp()
    guard let policy = current?.policy else { return true }
    return rule(policy, identity, right, target) != nil
  }

  /// Whether somebody may read anything at all.
  func readsAnything(_ identity: Identity) -> Bool {
    catchUp()
    guard let policy = current?.policy else { return true }
    return policy.readsAnything(sets[set(policy, identity)])
  }

  /// What a push by somebody who may push must keep to; nil when it may do what it likes.
  func pushRules(_ identity: Identity, _ repo: RepoKey) -> PushRules? {
    catchUp()
    guard let current else { return nil }
    let rules = PushRules(current.policy, identity, repo)
    // That he may not push at all has been told then.
    return current.mode == .report && rules?.isEmpty == true ? nil : rules
  }

  /// Counts what is refused, or would be, and tells of the latter.
  /// - Parameter rule: the one that withholds it; nil when there is none that gives it.
  /// - Returns: nil in report mode.
  func refuse(_ refusal: ProxyError, _ record: RequestRecord, by rule: String? = nil) -> ProxyError? {
    guard let mode = current?.mode else { return nil }
    record.rule = rule
    metrics.policyRefusals.increment(mode)
    guard mode == .report else { return refusal }
    log.warning("would refuse", metadata: ["identity": "\(record.identity)", "reason": "\(refusal.text)"])
    // It would have come no further than to the first.
    if record.wouldBeRefusal == nil { record.wouldBeRefusal = refusal }
    return nil
  }

  /// The answer is the same whether there is such a repo or not.
  static func refusal(_ identity: Identity, _ right: Right, _ target: AccessTarget) -> ProxyError {
    let wish =
      switch right {
      case .read: "read"
      case .push: "push to"
      case .create: "create"
      case .admin: "administer"
      }
    return ProxyError(.forbidden, status: 403, "\(identity) may not \(wish) \(target); no rule allows it")
  }

  // MARK: What is remembered

  private func catchUp() {
    let latest = shared.generation
    guard latest != generation else { return }
    generation = latest
    current = shared.current
    limits = shared.currentLimits
    forget()
  }

  private func forget() {
    candidates.removeAll()
    sets.removeAll()
    setNumbers.removeAll()
    decisions.removeAll()
  }

  private func rule(_ policy: Policy, _ identity: Identity, _ right: Right, _ target: AccessTarget) -> Int? {
    let question = Question(set: set(policy, identity), right: right, target: target)
    if let known = decisions[question] { return known }
    let rule = policy.rule(sets[question.set], giving: right, to: target)
    if decisions.count >= Self.decisionLimit { decisions.removeAll(keepingCapacity: true) }
    decisions[question] = .some(rule)
    return rule
  }

  private func set(_ policy: Policy, _ identity: Identity) -> Int {
    if let known = candidates[identity] { return known }
    if candidates.count >= Self.identityLimit { forget() }
    let rules = policy.rules(for: identity)
    let number = setNumbers[rules] ?? sets.count
    if number == sets.count {
      sets.append(rules)
      setNumbers[rules] = number
    }
    candidates[identity] = number
    return number
  }
}
