import ArtifactsAPI
import GitProtocol

/// Says why a missing repo may not be created; nil if it may.
typealias CreationLeave = () -> ProxyError?

/// The grants in use on one loop, so that most requests ask no actor at all. Confined to its loop.
final class GrantCache {
  private struct Key: Hashable {
    let repo: RepoKey
    let service: Service
  }

  private static let entryLimit = 4_096
  /// A push must outlive its token's refusal window: this many seconds of life before one begins.
  private static let pushLife = 600.0

  /// Spares the remotes that the grants are for.
  let courtesy: UpstreamCourtesy
  private let memory: RepoMemory
  /// Nil when a push to a missing repo fails.
  private let creator: RepoCreator?
  private let enforcesReadOnly: Bool
  private let clock: @Sendable () -> Double
  private var grants: [Key: Grant] = [:]
  /// The memory's, as of which the grants are.
  private var generation: UInt64

  init(
    memory: RepoMemory, creator: RepoCreator?, courtesy: UpstreamCourtesy, configuration: GatewayConfiguration
  ) {
    self.courtesy = courtesy
    clock = configuration.wallClock
    enforcesReadOnly = configuration.enforcesReadOnlyRepos
    self.memory = memory
    self.creator = creator
    generation = memory.generation
  }

  /// A grant for `route`: the one at hand while its token is good, else a new one.
  /// - Parameters:
  ///   - refused: a grant whose token the upstream has just refused.
  ///   - record: of the request that it is for, which is told of a missing repo that is created.
  func grant(
    for route: GitRoute, refused: Grant? = nil, telling record: RequestRecord? = nil
  ) async throws(ProxyError) -> Grant {
    let key = Key(repo: route.repo, service: route.service)
    catchUp()
    if refused == nil, let grant = grants[key], clock() < grant.token.refreshAt, isLongEnough(grant, route) {
      return grant
    }
    let asOf = generation
    let grant = try await obtain(route, refused: refused, record)
    catchUp()
    // A repo that was deleted in between is not the one that this grant is for.
    guard asOf == generation else { return grant }
    if grants.count >= Self.entryLimit { grants.removeAll() }
    grants[key] = grant
    return grant
  }

  /// Drops all grants when something was forgotten since.
  private func catchUp() {
    let current = memory.generation
    guard current != generation else { return }
    generation = current
    grants.removeAll(keepingCapacity: true)
  }

  private func obtain(
    _ route: GitRoute, refused: Grant?, _ record: RequestRecord?
  ) async throws(ProxyError) -> Grant {
    let broker = memory.broker
    // A token that was good may be refused because its repo is gone, and another one has its name.
    if refused != nil { await memory.directory.forget(route.repo) }
    guard route.service == .receivePack else {
      let token = TokenKey(repo: route.repo, scope: .read)
      // Both at once: the first request for a repo waits for one round trip, not two.
      let asked = Task { [secret = refused?.token.secret] in
        await broker.result(for: token, refused: secret, minimumLife: 0)
      }
      let remote = try await memory.directory.remote(of: route.repo)
      return Grant(remote: remote, token: try await asked.value.get(), service: route.service)
    }
    // One after the other: a repo that takes no pushes, or is not there yet, needs no token.
    let remote = try await remote(of: route.repo, record)
    if remote.isReadOnly, enforcesReadOnly { throw .readOnlyRepo(route.repo) }
    let token = TokenKey(repo: route.repo, scope: .write)
    do throws(ProxyError) {
      return Grant(
        remote: remote,
        token: try await broker.token(for: token, refused: refused?.token.secret, minimumLife: Self.pushLife),
        service: route.service)
    } catch {
      // Deleted behind this gateway's back: what is remembered of it is no longer true.
      guard error.code == .noSuchRepo else { throw error }
      await forget(route.repo)
      guard creator != nil else { throw error }
      let created = try await self.remote(of: route.repo, record)
      return Grant(
        remote: created, token: try await broker.token(for: token, minimumLife: Self.pushLife), service: route.service)
    }
  }

  /// The remote of a repo that is pushed to, which may have to be made first.
  private func remote(of repo: RepoKey, _ record: RequestRecord?) async throws(ProxyError) -> Remote {
    guard let creator else { return try await memory.directory.remote(of: repo) }
    if let leave = record?.creationLeave {
      do throws(ProxyError) { return try await memory.directory.remote(of: repo) } catch {
        guard error.code == .noSuchRepo else { throw error }
        if let refusal = leave() { throw refusal }
      }
    }
    let answer = await creator.remote(of: repo)
    if let creation = answer.creation { record?.creation = creation }
    return try answer.remote.get()
  }

  private func isLongEnough(_ grant: Grant, _ route: GitRoute) -> Bool {
    guard route.service == .receivePack else { return true }
    let now = clock()
    return grant.token.expiresAt - now >= Self.pushLife || now < grant.token.mintedAt + 60
  }

  /// Forgets a repo that the upstream does not know. Other loops keep their grants: names that nobody has must not cost
  /// them theirs, and they get the same answer.
  func forget(_ repo: RepoKey) async {
    for service in Service.allCases { grants[Key(repo: repo, service: service)] = nil }
    await memory.directory.forget(repo)
    await memory.broker.forget(repo)
  }
}
