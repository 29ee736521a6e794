import GitProtocol
package import HTTPCore

/// What the rules say to one request, and why: for a person who wonders.
package struct PolicyExplanation: Sendable {
  /// What one rule says.
  package struct Line: Sendable {
    package let rule: String
    package let isGiving: Bool
    /// Why not, or what it gives.
    package let reason: String
  }

  /// One right that the request takes, and what it is about.
  package struct Part: Sendable {
    package let right: Right
    package let target: AccessTarget
    /// Nil but for a push whose refs are asked about.
    package let ref: String?
    package let isAllowed: Bool
    /// The first rule that allows it.
    package let rule: String?
    package let lines: [Line]
  }

  /// All of them are needed.
  package let parts: [Part]
  package let mode: AccessConfiguration.Mode
  package var isAllowed: Bool { parts.allSatisfy(\.isAllowed) }

  /// What a push is to do to a ref.
  package enum PushKind: String, Sendable, CaseIterable {
    case create, update, force, delete
  }

  /// - Parameter refs: those that are to be pushed.
  /// - Returns: nil for a request that has no route.
  package init?(
    _ access: AccessConfiguration, _ identity: Identity, _ method: HTTPCore.Method, _ target: String,
    refs: [String] = [], kind: PushKind = .update, defaultNamespace: String
  ) {
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let path = parts.first ?? ""
    let query = parts.count > 1 ? parts[1] : nil
    guard
      let needs = Self.needs(method, path, query, defaultNamespace: defaultNamespace)
    else { return nil }
    let policy = Policy(access.rules, access.groups)
    mode = access.mode
    self.parts = needs.flatMap { right, target -> [Part] in
      let refs = right == .push && !refs.isEmpty ? refs.map { Optional($0) } : [nil]
      return refs.map { Self.part(policy, access, identity, right, target, ref: $0, kind) }
    }
  }

  private static func needs(
    _ method: HTTPCore.Method, _ path: Substring, _ query: Substring?, defaultNamespace: String
  ) -> [(Right, AccessTarget)]? {
    switch Router(defaultNamespace: defaultNamespace).route(method, path, query: query) {
    case .git(let route): [(route.service == .uploadPack ? .read : .push, .repo(route.repo))]
    case .admin(let path): AdminRoute.needs(method, path, query, defaultNamespace: defaultNamespace)
    case .control: [(.admin, .gateway)]
    case .livez, .readyz, .metrics, .status: []
    case .refused: nil
    }
  }

  private static func part(
    _ policy: Policy, _ access: AccessConfiguration, _ identity: Identity, _ right: Right, _ target: AccessTarget,
    ref: String?, _ kind: PushKind
  ) -> Part {
    guard access.isOn else {
      return Part(right: right, target: target, ref: ref, isAllowed: true, rule: nil, lines: [])
    }
    let lines = policy.rules.indices.map { number in
      let reason = policy.objection(number, identity, right, target, ref: ref, kind)
      let gift = policy.rules[number].deny.contains(.force) && kind == .update && ref != nil ? "fast-forwards only" : "gives it"
      return Line(rule: policy.rules[number].name, isGiving: reason == nil, reason: reason ?? gift)
    }
    let first = lines.first(where: \.isGiving)
    return Part(
      right: right, target: target, ref: ref, isAllowed: first != nil, rule: first?.rule, lines: lines)
  }
}

extension Policy {
  /// Why a rule does not give a right; nil when it does.
  fileprivate func objection(
    _ number: Int, _ identity: Identity, _ right: Right, _ target: AccessTarget, ref: String?,
    _ kind: PolicyExplanation.PushKind
  ) -> String? {
    let rule = rules[number]
    var named = rule
    named.claims = [:]
    if Policy([named], groups).rules(for: identity).isEmpty { return "\(identity) is not among who" }
    for (claim, pattern) in rule.claims.sorted(by: { $0.key < $1.key }) {
      guard let value = identity.claims[claim] else { return "there is no claim \(claim)" }
      if !Glob(pattern, .path).matches(value) { return "the claim \(claim) is \"\(value)\", not \(pattern)" }
    }
    if !rule.repos.contains(where: { RepoIndex.covers($0, target) }) { return "\(target) is not among repos" }
    if !rule.allow.contains(right) { return "it does not allow \(right.rawValue)" }
    guard right == .push, let ref else { return nil }
    if !isAbout(number, ref: ref) { return "\(ref) is not among refs" }
    if kind == .delete, rule.deny.contains(.delete) { return "it denies delete" }
    if kind == .force, rule.deny.contains(.force) { return "it denies force" }
    return nil
  }
}
