import Synchronization

/// The REST half of the service: requests in, v4 envelopes out, no sockets.
package final class ControlPlane: Sendable {
  let store: Store
  private let apiToken: String
  let imports: ImportRule
  private let base: Mutex<String>
  /// Forks and imports under way.
  let works = WorkList()
  /// What keeps the packs of repos few. Whatever runs git on a shown repo tells it.
  let upkeep: PackUpkeep

  /// - Parameters:
  ///   - apiToken: what clients must present as `Authorization: Bearer`.
  ///   - imports: where imports may come from.
  ///   - baseURL: `http://host:port`, without a slash at the end, that `remote` begins with.
  ///   - upkeep: of the store's repos.
  package init(
    store: Store, apiToken: String, baseURL: String, imports: ImportRule = ImportRule(),
    upkeep: PackUpkeep = PackUpkeep()
  ) {
    self.store = store
    self.upkeep = upkeep
    self.apiToken = apiToken
    self.imports = imports
    base = Mutex(baseURL)
  }

  /// `http://host:port`; known for good only once a listener has its port.
  package var baseURL: String {
    get { base.withLock { $0 } }
    set { base.withLock { $0 = newValue } }
  }

  /// Answers one request. Never throws: every failure has a reply.
  ///
  /// Runs off the caller's loop: sorting long lists is no work for it.
  @concurrent package func reply(to request: APIRequest) async -> APIReply {
    guard isAuthenticated(request.authorization) else { return .failure(.notAuthenticated) }
    guard let route = Route(method: request.method, path: request.path) else { return .unknownRoute }
    do throws(APIFault) {
      return try await answer(route, request)
    } catch {
      return .failure(error)
    }
  }

  private func answer(_ route: Route, _ request: APIRequest) async throws(APIFault) -> APIReply {
    if let namespace = route.namespace, !NameRule.isNamespace(namespace) { throw .namespaceName }
    if let repo = route.repo, !NameRule.isRepo(repo) { throw .repoName }
    do {
      return
        switch route
      {
      case .createNamespace: try await createNamespace(request)
      case .listNamespaces: try await listNamespaces(request)
      case .getNamespace(let namespace): try await getNamespace(namespace)
      case .deleteNamespace(let namespace): try await deleteNamespace(namespace)
      case .createRepo(let namespace): try await createRepo(in: namespace, request)
      case .listRepos(let namespace): try await listRepos(in: namespace, request)
      case .getRepo(let namespace, let repo): try await getRepo(repo, in: namespace)
      case .deleteRepo(let namespace, let repo): try await deleteRepo(repo, in: namespace)
      case .forkRepo(let namespace, let repo): try await forkRepo(repo, in: namespace, request)
      case .importRepo(let namespace, let repo): try await importRepo(repo, in: namespace, request)
      case .listTokens(let namespace, let repo): try await listTokens(of: repo, in: namespace, request)
      case .createToken(let namespace): try await createToken(in: namespace, request)
      case .revokeToken(let namespace, let id): try await revokeToken(id, in: namespace)
      }
    } catch let fault as APIFault {
      throw fault
    } catch let error as StoreError {
      throw APIFault(error)
    } catch {
      throw .internalError
    }
  }

  /// Compares every byte whatever differs, so that the time taken tells nothing about the token.
  func isAuthenticated(_ authorization: String?) -> Bool {
    guard let authorization, let presented = Authorization.bearer(authorization) else { return false }
    let expected = Array(apiToken.utf8)
    let found = Array(presented.utf8)
    guard !expected.isEmpty, expected.count == found.count else { return false }
    return zip(expected, found).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
