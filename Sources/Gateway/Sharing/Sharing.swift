import HTTPTransport
import PackCache

/// What requests share, on all loops together: ref answers under way, packs, and what makes a stored pack servable.
final class Sharing: Sendable {
  let refs: RefFlights
  let watch: WantWatch
  /// Nil when packs are not cached.
  let packs: PackCache?
  /// The account, for the scope of packs.
  let accountID: String

  /// - Parameters:
  ///   - refs: those of all loops.
  ///   - grace: how long a stored pack is served after the upstream was last seen to advertise what it was wanted by.
  init(refs: RefFlights = RefFlights(), packs: PackCache?, accountID: String, grace: Duration) {
    self.refs = refs
    self.packs = packs
    self.accountID = accountID
    watch = WantWatch(grace: grace)
  }

  /// Whose packs and refs those of a repo are.
  func scope(_ repo: RepoKey, _ remote: Remote) -> PackScope {
    PackScope(
      account: accountID, namespace: repo.namespace, repo: repo.name,
      repoID: remote.id ?? "\(remote.url.origin)\(remote.url.path)")
  }
}
