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

  /// Puts a token, new or changed, into its repo's journal and into memory.
  private func record(_ token: TokenRecord, of repo: Repo) throws(StoreError) {
    var tokens = repo.tokens
    if let index = tokens.firstIndex(where: { $0.id == token.id }) {
      tokens[index] = token
    } else {
      tokens.append(token)
    }
    let now = clock()
    let listed = tokens.filter { TokenJournal.isListed($0, at: now) }
    var lines = repo.journalLines + 1
    let path = directory.tokens(of: repo.record)
    if TokenJournal.isOverfull(lines: lines, tokens: listed.count) {
      try DurableFile.replace(path, with: listed.flatMap(TokenJournal.line), mode: TokenJournal.mode)
      for token in tokens where !TokenJournal.isListed(token, at: now) { forget(token) }
      tokens = listed
      lines = listed.count
    } else {
      try DurableFile.append(path, TokenJournal.line(token), mode: TokenJournal.mode)
    }
    remember(token, of: repo.record)
    namespaces[repo.record.namespace]?.change(repo.record.name) { repo in
      repo.tokens = tokens
      repo.journalLines = lines
    }
  }

  /// Lets a token be found.
  func remember(_ token: TokenRecord, of repo: RepoRecord) {
    let place = TokenPlace(namespace: repo.namespace, repo: repo.name, id: token.id)
    placesByID[token.id] = place
    placesBySecret[token.secret] = place
  }

  private func forget(_ token: TokenRecord) {
    placesByID[token.id] = nil
    placesBySecret[token.secret] = nil
  }

  func forgetTokens(of repo: Repo) {
    for token in repo.tokens { forget(token) }
  }

  /// Makes a token for a repo. The lifetime must lie in `tokenLifetimes`. Throws `.repoNotFound`.
  package func createToken(for name: String, in namespace: String, scope: TokenScope, lifetimeSeconds: Int)
    throws(StoreError) -> TokenRecord
  {
    let repo = try readyRepo(name, in: namespace)
    guard let home = namespaces[namespace] else { throw .repoNotFound }
    let token = freshToken(scope, lifetimeSeconds: lifetimeSeconds, in: home.record)
    try record(token, of: repo)
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
    try record(token, of: repo)
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
        namespaces[namespace]?.change(name) { changed in
          changed.journalLines += lines.count(where: { $0 == 10 })
          changed.tokens = tokens
        }
      }
    }
  }

  /// What a presented secret (without the `?expires=` suffix) opens: its repo, scope and state now. Nil when unknown.
  package func lookUp(secret: String) -> (repo: RepoRecord, scope: TokenScope, state: TokenState)? {
    guard let place = placesBySecret[secret],
      let repo = namespaces[place.namespace]?.repos[place.repo],
      let token = repo.tokens.first(where: { $0.id == place.id })
    else { return nil }
    sweepOnce(repo)
    return (repo.record, token.scope, token.state(at: clock()))
  }
}
