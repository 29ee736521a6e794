import Glibc
package import Logging
import Synchronization

/// Folds the many small packs that pushes leave into few, behind the requests and one repository at a time.
///
/// Nothing can get lost by it. The new pack has every object of those that it replaces, reachable or not, and is on disk
/// before any of them goes. A git that is started from then on sees the new pack; one that was running before may have
/// opened only the old ones, so they stay until every request that had begun by then has ended. Requests wait for
/// nothing here.
package final class PackUpkeep: Sendable {
  private struct Repository {
    /// The requests that use it.
    var users: Set<Int> = []
    /// Packs that are also in another one, and the requests that may still need them.
    var replaced: (packs: [String], users: Set<Int>)?
    var isIdle: Bool { users.isEmpty && replaced == nil }
  }

  private struct State {
    /// By directory; only those in use.
    var repositories: [String: Repository] = [:]
    var lastUser = 0
    /// Directories to be looked at, the first one being at work.
    var queue: [String] = []
  }

  /// More packs than this are folded.
  private let packLimit: Int
  private let logger: Logger
  private let works = WorkList()
  private let state = Mutex(State())

  package init(packLimit: Int = 32, logger: Logger = Logger(label: "artifacts-emulator")) {
    self.packLimit = packLimit
    self.logger = logger
  }

  // MARK: Requests

  /// Says that a request uses the repository at `directory` from now on.
  /// - Returns: what `leave` is to be called with.
  package func enter(_ directory: String) -> Int {
    state.withLock { state in
      state.lastUser += 1
      state.repositories[directory, default: Repository()].users.insert(state.lastUser)
      return state.lastUser
    }
  }

  /// Says that a request has ended.
  package func leave(_ user: Int, _ directory: String) {
    let packs: [String]? = state.withLock { state in
      guard var repository = state.repositories[directory] else { return nil }
      repository.users.remove(user)
      repository.replaced?.users.remove(user)
      defer { state.repositories[directory] = repository.isIdle ? nil : repository }
      return Self.takeReplaced(&repository)
    }
    if let packs { Task.detached(priority: .background) { PackFolder(directory).remove(packs) } }
  }

  /// The packs that nobody needs any more.
  private static func takeReplaced(_ repository: inout Repository) -> [String]? {
    guard let replaced = repository.replaced, replaced.users.isEmpty else { return nil }
    repository.replaced = nil
    return replaced.packs
  }

  // MARK: Folding

  /// Says that a push has come. Returns at once.
  package func pushed(to directory: String) {
    let isFirst = state.withLock { state in
      // The one at work may have counted its packs already; all others are counted when their turn comes.
      guard !state.queue.dropFirst().contains(directory) else { return false }
      state.queue.append(directory)
      return state.queue.count == 1
    }
    guard isFirst else { return }
    Task.detached(priority: .background) { [self] in try? await works.run { [self] in await work() } }
  }

  /// Ends what is at work and waits for it.
  package func close() async { await works.close() }

  private func work() async {
    while let directory = state.withLock({ $0.queue.first }) {
      do {
        if !Task.isCancelled { try await fold(directory) }
      } catch {
        // Not an error by itself: the repo may have been deleted meanwhile.
        logger.info("packs stay as they are", metadata: ["directory": "\(directory)", "reason": "\(error)"])
      }
      state.withLock { state in _ = state.queue.removeFirst() }
    }
  }

  /// Folds the small packs of a repository, if there are too many.
  private func fold(_ directory: String) async throws {
    // The last ones first have to go, or they would be folded again.
    guard state.withLock({ $0.repositories[directory]?.replaced == nil }) else { return }
    let folder = PackFolder(directory)
    let packs = folder.packs()
    guard packs.count > packLimit else { return }
    let small = PackFolder.small(packs)
    guard small.count > 1 else { return }
    let names = small.map { "\($0).pack\n" }.joined()
    let fold = [
      "-c", "pack.threads=1", "pack-objects", "-q", "--stdin-packs", "--delta-base-offset", folder.path + "/pack",
    ]
    let id = try await GitCommand.plumbing(fold, in: directory).output(given: Array(names.utf8))
    let new = "pack-\(id)"
    guard folder.has(new) else { throw GitFailure(description: "git pack-objects made no pack") }
    try DurableFile.syncFolder(folder.path)
    let replaced = small.filter { $0 != new }
    let free: [String]? = state.withLock { state in
      var repository = state.repositories[directory] ?? Repository()
      repository.replaced = (replaced, repository.users)
      defer { state.repositories[directory] = repository.isIdle ? nil : repository }
      return Self.takeReplaced(&repository)
    }
    if let free { folder.remove(free) }
    logger.debug("packs folded", metadata: ["directory": "\(directory)", "count": "\(small.count)"])
  }
}
