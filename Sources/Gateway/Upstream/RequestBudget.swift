import EventLoop
import Synchronization

/// How often the service is asked: so often a second, and so often at once after a rest. Who comes too early waits for his
/// turn, in the order of coming. Shared by all loops, without a lock.
///
/// The generic cell rate algorithm (ITU-T I.371): all that is kept is when the requests admitted so far would be used up at
/// the steady rate.
final class RequestBudget: Sendable {
  /// Nanoseconds of one request at the steady rate.
  private let interval: UInt64
  /// How far the admitted may be ahead of the steady rate without waiting, nanoseconds.
  private let slack: UInt64
  /// For a turn, not for the end of a rest.
  private let longestWait: UInt64
  /// Monotonic nanoseconds.
  private let usedUntil = Atomic<UInt64>(0)
  /// Nobody is admitted before: the service has asked for a rest.
  private let heldUntil = Atomic<UInt64>(0)

  /// The longest rest that the service is given, however long it asks for.
  private static let longestRest: UInt64 = 30_000_000_000

  /// - Parameters:
  ///   - rate: requests a second.
  ///   - burst: requests at once; at least one.
  ///   - longestWait: beyond that nobody is made to wait for his turn.
  init(rate: Int, burst: Int, longestWait: Duration = .seconds(10)) {
    interval = 1_000_000_000 / UInt64(max(1, rate))
    slack = interval * UInt64(max(1, burst) - 1)
    self.longestWait = longestWait.nanoseconds
  }

  /// At most `limit` requests in whichever 10 s are looked at: a tenth of them at once, and the others over the time. 0 lets
  /// every request go at once.
  init(inTenSeconds limit: Int) {
    longestWait = 10_000_000_000
    guard limit > 0 else {
      interval = 0
      slack = longestWait
      return
    }
    let burst = max(1, limit / 10)
    interval = (longestWait - 1) / UInt64(max(1, limit - burst)) + 1
    slack = interval * UInt64(burst - 1)
  }

  /// Takes a place at the time `now`.
  /// - Returns: nanoseconds to wait before the request is sent; nil, with no place taken, when that would be too long.
  func take(at now: UInt64 = MonotonicClock.now) -> UInt64? {
    let rest = heldUntil.load(ordering: .relaxed)
    var used = usedUntil.load(ordering: .relaxed)
    while true {
      let start = max(used, now)
      let turn = start > now + slack ? start - slack : now
      guard turn - now <= longestWait else { return nil }
      let (isTaken, current) = usedUntil.weakCompareExchange(
        expected: used, desired: start + interval, ordering: .relaxed)
      if isTaken { return max(turn, rest) - now }
      used = current
    }
  }

  /// Gives a place back that was not used.
  func giveBack() { usedUntil.subtract(interval, ordering: .relaxed) }

  /// Keeps everybody back for as long as the service has asked for, and 30 s at most.
  func hold(for rest: Duration, at now: UInt64 = MonotonicClock.now) {
    heldUntil.max(now + min(rest.nanoseconds, Self.longestRest), ordering: .relaxed)
  }
}
