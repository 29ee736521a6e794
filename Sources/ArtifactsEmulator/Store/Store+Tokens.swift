extension Store {
  /// A token's lifetime when none is asked for.
  package static let defaultTokenLifetime = 86_400
  /// What may be asked for, in seconds.
  package static let tokenLifetimes = 60...31_536_000

  func freshToken(_ scope: TokenScope, lifetimeSeconds: Int, in namespace: NamespaceRecord) -> TokenRecord {
    let now = clock()
    return TokenRecord(
      id: Identifier.fresh(), secret: Identifier.freshSecret(for: namespace.jurisdiction), scope: scope, createdAt: now,
      expiresAt: now.advanced(bySeconds: lifetimeSeconds))
  }

  func remember(_ token: TokenRecord, of repo: RepoRecord) {
    let place = TokenPlace(namespace: repo.namespace, repo: repo.name, id: token.id)
    namespaces[repo.namespace]?.repos[repo.name]?.tokens.append(token)
    placesByID[token.id] = place
    placesBySecret[token.secret] = place
  }

  func forgetTokens(of repo: Repo) {
    for token in repo.tokens {
      placesByID[token.id] = nil
      placesBySecret[token.secret] = nil
    }
  }

  /// Makes a token for a repo. The lifetime must lie in `tokenLifetimes`. Throws `.repoNotFound`.
  package func createToken(for name: String, in namespace: String, scope: TokenScope, lifetimeSeconds: Int)
    throws(StoreError) -> TokenRecord
  {
    let repo = try readyRepo(name, in: namespace)
    guard let home = namespaces[namespace] else { throw .repoNotFound }
    let token = freshToken(scope, lifetimeSeconds: lifetimeSeconds, in: home.record)
    try TokenJournal.append(token, to: directory.tokens(of: repo.record))
    remember(token, of: repo.record)
    return token
  }

  /// The tokens of a repo, oldest first. Throws `.repoNotFound`.
  package func tokens(of name: String, in namespace: String) throws(StoreError) -> [TokenRecord] {
    try readyRepo(name, in: namespace).tokens
  }

  /// Revokes a token for good; again is no error. Throws `.tokenNotFound` also for another namespace's token.
  package func revokeToken(_ id: String, in namespace: String) throws(StoreError) {
    guard let place = placesByID[id], place.namespace == namespace,
      let repo = namespaces[namespace]?.repos[place.repo],
      let index = repo.tokens.firstIndex(where: { $0.id == id })
    else { throw .tokenNotFound }
    guard repo.tokens[index].revokedAt == nil else { return }
    var token = repo.tokens[index]
    token.revokedAt = clock()
    try TokenJournal.append(token, to: directory.tokens(of: repo.record))
    namespaces[namespace]?.repos[place.repo]?.tokens[index] = token
  }

  /// Lets every active token expire now.
  func expireTokens() throws(StoreError) {
    let now = clock()
    for (namespace, home) in namespaces {
      for (name, repo) in home.repos where repo.status == .ready {
        var lines: [UInt8] = []
        var tokens = repo.tokens
        for (index, token) in repo.tokens.enumerated() where token.state(at: now) == .active {
          tokens[index] = TokenRecord(
            id: token.id, secret: token.secret, scope: token.scope, createdAt: token.createdAt, expiresAt: now)
          lines += TokenJournal.line(tokens[index])
        }
        guard !lines.isEmpty else { continue }
        try DurableFile.append(directory.tokens(of: repo.record), lines, mode: TokenJournal.mode)
        namespaces[namespace]?.repos[name]?.tokens = tokens
      }
    }
  }

  /// What a presented secret (without the `?expires=` suffix) opens: its repo, scope and state now. Nil when unknown.
  package func lookUp(secret: String) -> (repo: RepoRecord, scope: TokenScope, state: TokenState)? {
    guard let place = placesBySecret[secret],
      let repo = namespaces[place.namespace]?.repos[place.repo],
      let token = repo.tokens.first(where: { $0.id == place.id })
    else { return nil }
    return (repo.record, token.scope, token.state(at: clock()))
  }
}
