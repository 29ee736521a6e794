import ArtifactsAPI
import GitProtocol
import HTTPTransport
import Synchronization

/// All that a request needs to go upstream: where, and with which token.
struct Grant {
  let remote: Remote
  let token: Token
  /// The value of `Authorization`.
  let authorization: String
  let authority: String
  private let advertisementTarget: String
  private let serviceTarget: String

  init(remote: Remote, token: Token, service: Service) {
    self.remote = remote
    self.token = token
    authorization = "Bearer \(token.secret.exposed)"
    authority = remote.url.origin.authority
    advertisementTarget = "\(remote.url.path)/info/refs?service=\(service.wireName)"
    serviceTarget = "\(remote.url.path)/\(service.wireName)"
  }

  func target(_ operation: GitRoute.Operation) -> String {
    switch operation {
    case .advertisement: advertisementTarget
    case .service: serviceTarget
    }
  }
}

/// The grants in use on one loop, so that most requests ask no actor at all. Confined to its loop.
final class GrantCache {
  private struct Key: Hashable {
    let repo: RepoKey
    let service: Service
  }

  private static let entryLimit = 4_096
  /// A push must outlive its token's refusal window: this many seconds of life before one begins.
  private static let pushLife = 600.0

  private let directory: RemoteDirectory
  private let broker: TokenBroker
  private let clock: @Sendable () -> Double
  private var grants: [Key: Grant] = [:]
  /// The broker's generation that the grants are of.
  private var generation = 0

  init(directory: RemoteDirectory, broker: TokenBroker, clock: @escaping @Sendable () -> Double) {
    self.clock = clock
    self.directory = directory
    self.broker = broker
  }

  /// A grant for `route`: the one at hand while its token is good, else a new one.
  /// - Parameter refused: a grant whose token the upstream has just refused.
  func grant(for route: GitRoute, refused: Grant? = nil) async throws(ProxyError) -> Grant {
    let key = Key(repo: route.repo, service: route.service)
    let current = broker.generation.load(ordering: .relaxed)
    if generation != current {
      grants.removeAll()
      generation = current
    }
    if refused == nil, let grant = grants[key], clock() < grant.token.refreshAt, isLongEnough(grant, route) {
      return grant
    }
    let scope: TokenScope = route.service == .receivePack ? .write : .read
    let token = TokenKey(repo: route.repo, scope: scope)
    // Both at once: the first request for a repo waits for one round trip, not two.
    let life = route.service == .receivePack ? Self.pushLife : 0
    let asked = Task { [broker, id = refused?.token.id] in
      await broker.result(for: token, refused: id, minimumLife: life)
    }
    let remote = try await directory.remote(of: route.repo)
    let grant = Grant(remote: remote, token: try await asked.value.get(), service: route.service)
    if grants.count >= Self.entryLimit { grants.removeAll() }
    grants[key] = grant
    return grant
  }

  private func isLongEnough(_ grant: Grant, _ route: GitRoute) -> Bool {
    guard route.service == .receivePack else { return true }
    let now = clock()
    return grant.token.expiresAt - now >= Self.pushLife || now < grant.token.mintedAt + 60
  }

  /// Forgets a repo that the upstream does not know.
  func forget(_ repo: RepoKey) async {
    for service in Service.allCases { grants[Key(repo: repo, service: service)] = nil }
    await directory.forget(repo)
    await broker.forget(repo)
  }
}
