import GitProtocol

/// A set of identities with a name. Checked by whoever fills it in.
package struct AccessGroup: Hashable, Sendable {
  package var name: String
  /// `source:name` patterns.
  package var members: [String]

  package init(name: String, members: [String]) {
    self.name = name
    self.members = members
  }
}

/// One rule: who is given which rights to which repos. Checked by whoever fills it in.
package struct AccessRule: Hashable, Sendable {
  /// What a rule that gives the right to push withholds.
  package enum Denial: String, Hashable, Sendable, CaseIterable {
    /// Updates that are no fast-forward.
    case force
    /// Deletions of refs.
    case delete
  }

  package var name: String
  /// `*` for everybody, `anonymous`, `group:<name>`, and `source:name` patterns, in which `*` stands for slashes, too.
  package var who: [String]
  /// A pattern for each claim that an identity must have.
  package var claims: [String: String] = [:]
  /// Patterns of `<namespace>/<name>`.
  package var repos: [String]
  package var allow: Set<Right>
  /// Patterns of the refs that may be pushed to; empty for all.
  package var refs: [String] = []
  package var deny: Set<Denial> = []

  package init(name: String, who: [String], repos: [String], allow: Set<Right>) {
    self.name = name
    self.who = who
    self.repos = repos
    self.allow = allow
  }
}
