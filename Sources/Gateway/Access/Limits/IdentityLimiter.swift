import EventLoop
import Synchronization

/// Holds identities to their limits. Shared by all loops; asked only where there are limits.
final class IdentityLimiter: Sendable {
  /// What somebody has used.
  private struct Account {
    /// Nil for one without a limit.
    let limit: IdentityLimit?
    /// When the requests admitted so far would be used up at the steady rate, monotonic nanoseconds.
    var usedUntil: UInt64 = 0
    /// Days since 1970 that `bytes` belongs to.
    var day = 0
    var bytes = 0
  }

  private static let second: UInt64 = 1_000_000_000
  private static let secondsPerDay = 86_400
  /// Owners; beyond, those who have moved least are forgotten.
  private static let accountLimit = 8_192

  private let limitOf: @Sendable (Identity) -> IdentityLimit?
  private let wallClock: @Sendable () -> Double
  private let accounts = Mutex<[String: Account]>([:])

  /// - Parameters:
  ///   - wallClock: seconds since 1970.
  ///   - limitOf: the limit that counts for somebody.
  init(wallClock: @escaping @Sendable () -> Double, limitOf: @escaping @Sendable (Identity) -> IdentityLimit?) {
    self.limitOf = limitOf
    self.wallClock = wallClock
  }

  /// Counts a request of `owner`, who is `identity`, or one of those who showed nothing.
  /// - Throws: `.overLimit` for one too many; it is not counted then.
  func admit(_ owner: String, _ identity: Identity, at now: UInt64 = MonotonicClock.now) throws(ProxyError) {
    let (today, left) = day()
    let refusal: ProxyError? = change(owner, identity) { account in
      guard let limit = account.limit else { return nil }
      if let most = limit.bytesPerDay, account.day == today, account.bytes >= most {
        return Self.refusal(
          "\(owner) has moved \(ByteCount(account.bytes)) today, of \(ByteCount(most)) that a limit allows",
          retryAfter: left)
      }
      guard let rate = limit.requestsPerSecond else { return nil }
      let interval = Self.second / UInt64(rate)
      let start = max(account.usedUntil, now)
      let ahead = start - now
      guard ahead <= interval * UInt64(limit.burst - 1) else {
        let wait = (ahead - interval * UInt64(limit.burst - 1)) / Self.second + 1
        return Self.refusal(
          "\(owner) asks more often than the \(rate) times a second that a limit allows", retryAfter: Int(wait))
      }
      account.usedUntil = start + interval
      return nil
    }
    if let refusal { throw refusal }
  }

  /// The most transfers that `owner` may have under way.
  func transferCap(_ owner: String, _ identity: Identity) -> Int {
    change(owner, identity) { $0.limit?.transfers } ?? .max
  }

  /// Counts bytes that were moved for `owner`.
  func moved(_ bytes: Int, _ owner: String, _ identity: Identity) {
    let today = day().number
    change(owner, identity) { account in
      if account.day != today { (account.day, account.bytes) = (today, 0) }
      account.bytes += bytes
    }
  }

  /// Today, and the seconds that are left of it.
  private func day() -> (number: Int, left: Int) {
    let now = Int(wallClock())
    return (now / Self.secondsPerDay, Self.secondsPerDay - now % Self.secondsPerDay)
  }

  private func change<Result>(_ owner: String, _ identity: Identity, _ body: (inout Account) -> Result) -> Result {
    accounts.withLock { accounts in
      if accounts[owner] == nil {
        if accounts.count >= Self.accountLimit { Self.makeRoom(&accounts) }
        accounts[owner] = Account(limit: limitOf(identity))
      }
      return body(&accounts[owner, default: Account(limit: nil)])
    }
  }

  private static func makeRoom(_ accounts: inout [String: Account]) {
    let idle = accounts.sorted { ($0.value.bytes, $0.value.usedUntil) < ($1.value.bytes, $1.value.usedUntil) }
    for (owner, _) in idle.prefix(accountLimit / 4) { accounts[owner] = nil }
  }

  private static func refusal(_ text: String, retryAfter seconds: Int) -> ProxyError {
    ProxyError(.overLimit, status: 429, "\(text); retry in \(seconds) s", retryAfter: .seconds(seconds))
  }
}
