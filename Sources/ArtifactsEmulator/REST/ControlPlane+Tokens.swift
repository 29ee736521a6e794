extension ControlPlane {
  private enum StateFilter: String, CaseIterable { case active, expired, revoked, all }

  func createToken(in namespace: String, _ request: APIRequest) async throws -> APIReply {
    let fields = try BodyFields(request)
    let repo = try fields.requiredString("repo")
    let scope = try fields.option("scope", of: [TokenScope.read, .write]) ?? .write
    let lifetime = try fields.integer("ttl") ?? Store.defaultTokenLifetime
    guard Store.tokenLifetimes.contains(lifetime) else { throw APIFault.lifetime }
    let token = try await store.createToken(for: repo, in: namespace, scope: scope, lifetimeSeconds: lifetime)
    let result = JSONValue.members([
      "id": .string(token.id), "plaintext": .string(token.plaintext), "scope": .string(token.scope.rawValue),
      "expires_at": .string("\(token.expiresAt)"),
    ])
    return .success(result, status: 201)
  }

  func listTokens(of repo: String, in namespace: String, _ request: APIRequest) async throws -> APIReply {
    let query = QueryParameters(request.query)
    let filter = try query.option("state", fallback: StateFilter.active)
    let number = try query.count("page", fallback: 1)
    let perPage = try query.count("per_page", fallback: 30, most: 100)
    let now = await store.now()
    let tokens = try await store.tokens(of: repo, in: namespace).filter {
      filter == .all || $0.state(at: now).rawValue == filter.rawValue
    }
    let page = Page(tokens, page: number, perPage: perPage)
    let items = page.items.map { token in
      JSONValue.members([
        "id": .string(token.id), "scope": .string(token.scope.rawValue),
        "state": .string(token.state(at: now).rawValue), "created_at": .string("\(token.createdAt)"),
        "expires_at": .string("\(token.expiresAt)"),
      ])
    }
    return .success(.array(items), info: page.info)
  }

  func revokeToken(_ id: String, in namespace: String) async throws -> APIReply {
    try await store.revokeToken(id, in: namespace)
    return .success(.members(["id": .string(id)]))
  }
}
