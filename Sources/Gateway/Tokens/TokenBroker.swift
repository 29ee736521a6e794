import ArtifactsAPI
import DequeModule

/// Hands out repo tokens: minted once however many ask, fetched anew ahead of their end, dropped when the service refuses
/// them, revoked at the end.
///
/// Expiry is judged by the wall clock at the moment of use.
actor TokenBroker {
  private struct Entry {
    var token: Token?
    var minting: Task<Result<Token, ProxyError>, Never>?
    /// The last failure is repeated until then (wall clock), so that a herd does not hammer a service in trouble.
    var failure: (error: ProxyError, until: Double)?
    var lastUse: Double
  }

  /// Where tokens come from.
  enum Source: Sendable {
    case api(ttl: Int)
    /// One token for all repos, read anew at each use.
    case fixed(@Sendable () -> Secret?)
  }

  /// The part of a token's life after which it is renewed ahead, and the longest stretch before its end.
  private static let refreshFraction = 0.2
  private static let refreshAhead = 600.0
  private static let failureMemory = 1.0
  private static let entryLimit = 16_384
  private static let revocationWidth = 16
  private static let longestToken = 8_192
  /// Tokens asked for at once; more wait.
  private static let mintWidth = 8

  private let control: ControlPlane
  private let source: Source
  private let clock: @Sendable () -> Double
  private let onMint: @Sendable (TokenKey, ProxyError?) -> Void
  private var entries: [TokenKey: Entry] = [:]
  private(set) var mintCount = 0
  private var mintsUnderWay = 0
  private var waitingMints: Deque<CheckedContinuation<Void, Never>> = []

  nonisolated var unownedExecutor: UnownedSerialExecutor { control.unownedExecutor }

  /// - Parameters:
  ///   - clock: the wall clock, seconds since 1970.
  ///   - onMint: told of each token that was asked for, and why there is none.
  init(
    _ control: ControlPlane, source: Source, clock: @escaping @Sendable () -> Double,
    onMint: @escaping @Sendable (TokenKey, ProxyError?) -> Void = { _, _ in }
  ) {
    self.clock = clock
    self.onMint = onMint
    self.control = control
    self.source = source
  }

  /// A token for `key`.
  ///
  /// - Parameters:
  ///   - refused: a token that the service has just refused: it is dropped, and whoever comes next with the same one gets
  ///     that which was minted in its place.
  ///   - minimumLife: seconds that the token should have left; one fresh from the API is given out however short it lives.
  func token(for key: TokenKey, refused: Secret? = nil, minimumLife: Double = 0) async throws(ProxyError) -> Token {
    if case .fixed(let read) = source { return try Self.fixed(read()) }
    let now = clock()
    if let refused, entries[key]?.token?.secret == refused { entries[key]?.token = nil }
    if let token = entries[key]?.token, now < token.expiresAt {
      entries[key]?.lastUse = now
      let isShort = token.expiresAt - now < minimumLife && !isFresh(token, now)
      if now < token.refreshAt && !isShort { return token }
      if let failure = entries[key]?.failure, now < failure.until { return token }
      let minting = mint(key)
      // While the old one holds, nobody waits for the new one, and no failure of the API stops git.
      guard isShort else { return token }
      if case .success(let renewed) = await minting.value { return renewed }
      return token
    }
    if let failure = entries[key]?.failure, now < failure.until { throw failure.error }
    return try await mint(key).value.get()
  }

  /// The same, for those who wait elsewhere.
  func result(for key: TokenKey, refused: Secret?, minimumLife: Double) async -> Result<Token, ProxyError> {
    do throws(ProxyError) {
      return .success(try await token(for: key, refused: refused, minimumLife: minimumLife))
    } catch {
      return .failure(error)
    }
  }

  /// A token that was minted less than a minute ago is as good as one can be had.
  private func isFresh(_ token: Token, _ now: Double) -> Bool { now < token.mintedAt + 60 }

  /// Takes in a token that came with another answer of the API, such as that of creating the repo.
  /// - Parameter expiresAt: seconds since 1970; a token whose end nobody tells is not worth keeping.
  func adopt(_ secret: Secret, expiresAt: Double?, for repo: RepoKey) {
    let now = clock()
    guard let expiresAt, expiresAt - now > 60, Self.isUsable(secret) else { return }
    let token = Token(
      id: "", secret: secret, expiresAt: expiresAt, refreshAt: Self.refreshInstant(now, expiresAt), mintedAt: now)
    let key = TokenKey(repo: repo, scope: .write)
    if entries[key]?.token == nil { entries[key, default: Entry(lastUse: now)].token = token }
  }

  /// Forgets the tokens of a repo that is gone.
  func forget(_ repo: RepoKey) {
    entries[TokenKey(repo: repo, scope: .read)] = nil
    entries[TokenKey(repo: repo, scope: .write)] = nil
  }

  /// Forgets the tokens of a namespace that is gone.
  func forget(namespace: String) { entries = entries.filter { $0.key.repo.namespace != namespace } }

  /// Forgets a token that somebody has revoked.
  func forget(tokenID: String) {
    for (key, entry) in entries where entry.token?.id == tokenID { entries[key]?.token = nil }
  }

  /// The wall clock, seconds since 1970.
  var now: Double { clock() }

  /// The tokens of a scope that have not ended.
  func heldTokens(_ scope: TokenScope, at now: Double) -> [Token] {
    entries.compactMap { key, entry in
      guard key.scope == scope, let token = entry.token, token.expiresAt > now else { return nil }
      return token
    }
  }

  /// Whether a token can stand in a request's head as it is.
  private static func isUsable(_ secret: Secret) -> Bool {
    !secret.isEmpty && secret.exposed.utf8.count <= longestToken
      && secret.exposed.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
  }

  private func mint(_ key: TokenKey) -> Task<Result<Token, ProxyError>, Never> {
    if let minting = entries[key]?.minting { return minting }
    makeRoom()
    let minting = Task { await fetch(key) }
    entries[key, default: Entry(lastUse: clock())].minting = minting
    return minting
  }

  private func fetch(_ key: TokenKey) async -> Result<Token, ProxyError> {
    guard case .api(let ttl) = source else { return .failure(Self.noStaticToken) }
    await beginMint()
    defer { endMint() }
    mintCount += 1
    let asked = clock()
    let result: Result<Token, ProxyError>
    do throws(ArtifactsError) {
      let new = try await control.createToken(key.repo, key.scope, ttl: ttl)
      let expiry = new.expiresAt ?? asked + Double(ttl)
      result =
        !Self.isUsable(new.plaintext)
        ? .failure(Self.unusable)
        : .success(
          Token(
            id: new.id, secret: new.plaintext, expiresAt: expiry, refreshAt: Self.refreshInstant(asked, expiry),
            mintedAt: asked))
    } catch {
      result = .failure(ProxyError(error, about: key.repo, wanting: "get a token for \(key.repo)"))
    }
    entries[key]?.minting = nil
    if case .failure(let error) = result { onMint(key, error) } else { onMint(key, nil) }
    switch result {
    case .success(let token):
      entries[key]?.token = token
      entries[key]?.failure = nil
    case .failure(let error) where error.code != .noSuchRepo:
      let pause = error.retryAfter.map { min(30, Double($0.components.seconds)) } ?? Self.failureMemory
      entries[key]?.failure = (error, clock() + max(pause, Self.failureMemory))
    case .failure:
      // A repo that is not there now may be there in a moment, made by the very user who was told.
      entries[key] = nil
    }
    return result
  }

  private func beginMint() async {
    if mintsUnderWay >= Self.mintWidth {
      // Whoever resumes this one leaves it its place.
      return await withCheckedContinuation { waiter in
        if mintsUnderWay >= Self.mintWidth {
          waitingMints.append(waiter)
        } else {
          mintsUnderWay += 1
          waiter.resume()
        }
      }
    }
    mintsUnderWay += 1
  }

  private func endMint() {
    if let next = waitingMints.popFirst() { next.resume() } else { mintsUnderWay -= 1 }
  }

  private static func refreshInstant(_ minted: Double, _ expiry: Double) -> Double {
    expiry - min(refreshAhead, max(0, expiry - minted) * refreshFraction)
  }

  private static let unusable = ProxyError(
    .upstreamError, status: 502, "the Artifacts API gave a token that no request can carry")

  private static let noStaticToken = ProxyError(
    .credentials, status: 502, "the file named by --static-token-file holds no token")

  private static func fixed(_ secret: Secret?) throws(ProxyError) -> Token {
    guard let secret, isUsable(secret) else { throw noStaticToken }
    return Token(id: "", secret: secret, expiresAt: .infinity, refreshAt: .infinity, mintedAt: 0)
  }

  /// Keeps the table bounded: what was not used longest goes first.
  private func makeRoom() {
    guard entries.count >= Self.entryLimit else { return }
    let idle = entries.filter { $0.value.minting == nil }.sorted { $0.value.lastUse < $1.value.lastUse }
    for (key, _) in idle.prefix(Self.entryLimit / 8) { entries[key] = nil }
  }

  /// Revokes what was minted and still lives, as far as `limit` allows.
  func revokeAll(within limit: Duration) async {
    let now = clock()
    let live = entries.compactMap { key, entry in
      entry.token.flatMap { $0.id.isEmpty || $0.expiresAt <= now ? nil : (key.repo.namespace, $0.id) }
    }
    entries.removeAll()
    let control = self.control
    // Not a task group: that would wait for calls that have no answer. What is still under way when time is up is left.
    let (ends, end) = AsyncStream<Void>.makeStream()
    let watch = Task {
      try? await Task.sleep(for: limit)
      end.finish()
    }
    Task {
      await withTaskGroup(of: Void.self) { revocations in
        for (index, (namespace, id)) in live.enumerated() {
          if index >= Self.revocationWidth { await revocations.next() }
          revocations.addTask { try? await control.revokeToken(namespace, id: id) }
        }
      }
      end.finish()
    }
    for await _ in ends {}
    watch.cancel()
  }
}
