/// When to try again: full jitter between a tenth of a second and two seconds, at most twice.
package struct Backoff {
  private static let base = 0.1
  private static let ceiling = 2.0
  /// How long a `Retry-After` may be and still be waited out.
  private static let longestRetryAfter = Duration.seconds(30)
  private var triesLeft = 2
  private var attempt = 0

  package init() {}

  /// The pause before the next try, or nil when there is none.
  /// - Parameter retryAfter: what the peer asked for; it wins over the jitter.
  package mutating func next(retryAfter: Duration?) -> Duration? {
    guard triesLeft > 0 else { return nil }
    triesLeft -= 1
    attempt += 1
    if let retryAfter {
      return retryAfter <= Self.longestRetryAfter ? retryAfter : nil
    }
    let top = min(Self.ceiling, Self.base * Double(1 << attempt))
    return .seconds(Double.random(in: Self.base...max(Self.base, top)))
  }
}
