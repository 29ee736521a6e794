import ArtifactsAPI

/// How many tokens of one scope are held, and their ages: nothing that opens anything.
struct TokenCensus: Sendable {
  let scope: TokenScope
  let count: Int
  /// Seconds since the oldest and the newest were minted, and until the first ends; nil without any.
  let oldest: Double?
  let newest: Double?
  let untilEnd: Double?
}

extension TokenBroker {
  /// The tokens that are held and hold now, scope by scope.
  func census() -> [TokenCensus] {
    let now = now
    return [TokenScope.read, .write].map { scope in
      let tokens = heldTokens(scope, at: now)
      return TokenCensus(
        scope: scope, count: tokens.count, oldest: tokens.map { now - $0.mintedAt }.max(),
        newest: tokens.map { now - $0.mintedAt }.min(), untilEnd: tokens.map { $0.expiresAt - now }.min())
    }
  }
}
