/// Whose pack it is: cached bytes are shared within one repository only.
package struct PackScope: Hashable, Sendable {
  package let account: String
  package let namespace: String
  /// The repository's name, for people; names can be given again, so nothing is told apart by it.
  package let repo: String
  /// What tells this repository from one of the same name before or after it: the service's id, else the remote URL.
  package let repoID: String

  package init(account: String, namespace: String, repo: String, repoID: String) {
    self.account = account
    self.namespace = namespace
    self.repo = repo
    self.repoID = repoID
  }
}
