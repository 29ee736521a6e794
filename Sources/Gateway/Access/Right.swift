/// What a request needs, and a rule may give.
package enum Right: String, Hashable, Sendable, CaseIterable {
  /// To fetch from a repo, and to read about it by the admin API.
  case read
  /// To push to a repo.
  case push
  /// To make a repo: by the admin API, by a fork or an import, or by a first push.
  case create
  /// All else of the admin API that changes something, the tokens of repos, and the control of the process.
  case admin
}
