import GitProtocol

/// The rules that let one identity push to one repo, as far as they say which refs, and how. A ref is updated if any of them
/// allows it.
struct PushRules {
  /// What is to become of one update.
  enum Verdict: Equatable {
    case allowed
    /// Allowed if it is a fast-forward; else the text says why it is not.
    case ifFastForward(String)
    /// What stands beside the ref in git's output.
    case refused(String)
  }

  private let policy: Policy
  private let identity: Identity
  private let rules: [Int]

  /// Nil when one of them alone allows everything: then nothing of the push needs to be looked at.
  init?(_ policy: Policy, _ identity: Identity, _ repo: RepoKey) {
    rules = policy.pushRules(identity, repo)
    if rules.contains(where: { policy.rules[$0].refs.isEmpty && policy.rules[$0].deny.isEmpty }) { return nil }
    self.policy = policy
    self.identity = identity
  }

  /// None of them lets him push at all.
  var isEmpty: Bool { rules.isEmpty }

  /// A creation is never a force, and a deletion always exact. Whether an update is a fast-forward its command does not tell.
  func verdict(on update: ReceivePackRequest.Update) -> Verdict {
    let about = rules.filter { policy.isAbout($0, ref: update.ref) }
    guard !about.isEmpty else {
      return .refused("\(identity) may not push to \(update.ref): no rule allows it")
    }
    func allAre(denying denial: AccessRule.Denial) -> String? {
      about.allSatisfy { policy.rules[$0].deny.contains(denial) }
        ? Self.names(about.map { policy.rules[$0].name }) : nil
    }
    if update.isDeletion {
      guard let names = allAre(denying: .delete) else { return .allowed }
      return .refused("\(identity) may not delete \(update.ref): \(names)")
    }
    guard !update.isCreation, update.old != update.new, let names = allAre(denying: .force) else { return .allowed }
    return .ifFastForward("\(identity) may not force \(update.ref): \(names)")
  }

  /// The rule that decides on an update, by its name: the first that gives it, else the first that is about its ref.
  func decider(of update: ReceivePackRequest.Update) -> String? {
    let about = rules.filter { policy.isAbout($0, ref: update.ref) }
    let gives = about.first {
      let deny = policy.rules[$0].deny
      return update.isDeletion ? !deny.contains(.delete) : update.isCreation || !deny.contains(.force)
    }
    return (gives ?? about.first).map { policy.rules[$0].name }
  }

  /// `rule "ci"`, `rules "ci", "devs"`; of many the first few.
  private static func names(_ names: [String]) -> String {
    let shown = names.prefix(3).map { "\"\($0)\"" }.joined(separator: ", ")
    return names.count == 1 ? "rule \(shown)" : "rules \(shown)\(names.count > 3 ? ", ..." : "")"
  }
}
