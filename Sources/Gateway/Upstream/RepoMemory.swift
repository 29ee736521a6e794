import ArtifactsAPI
import PackCache
import Synchronization

/// All that the gateway remembers of repos: their remotes, their tokens, their packs, and the grants that the loops keep, to
/// be forgotten together. Shared by all loops.
final class RepoMemory: Sendable {
  let directory: RemoteDirectory
  let broker: TokenBroker
  private let packs: PackCache?
  private let changes = Atomic<UInt64>(0)

  init(directory: RemoteDirectory, broker: TokenBroker, packs: PackCache?) {
    self.directory = directory
    self.packs = packs
    self.broker = broker
  }

  /// Counts what was forgotten. A loop whose grants are of an earlier count drops them: one relaxed load on the hot path,
  /// and no lock.
  var generation: UInt64 { changes.load(ordering: .acquiring) }

  /// Forgets a repo that was deleted or never was.
  func forget(_ repo: RepoKey) async {
    await directory.forget(repo)
    await broker.forget(repo)
    advance()
    await purge(repo)
  }

  private func purge(_ repo: RepoKey) async {
    _ = await packs?.purge { $0.namespace == repo.namespace && $0.repo == repo.name }
  }

  /// What was known of a repo of this name is of another one; the new one's token is kept.
  func replace(_ repo: RepoKey, with created: CreatedRepo) async {
    await directory.forget(repo)
    await broker.forget(repo)
    if let token = created.token { await broker.adopt(token, expiresAt: created.tokenExpiresAt, for: repo) }
    advance()
    await purge(repo)
  }

  /// Forgets all repos of a namespace.
  func forget(namespace: String) async {
    await directory.forget(namespace: namespace)
    await broker.forget(namespace: namespace)
    advance()
    _ = await packs?.purge { $0.namespace == namespace }
  }

  /// Forgets a token that somebody has revoked.
  func forget(tokenID: String) async {
    await broker.forget(tokenID: tokenID)
    advance()
  }

  // Last of all: a loop that sees the new count asks the others, who have forgotten by then.
  private func advance() { changes.add(1, ordering: .releasing) }
}
