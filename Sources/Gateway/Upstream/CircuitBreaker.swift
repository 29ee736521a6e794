import EventLoop
import Synchronization

/// Stops asking a service that fails again and again: for a second first, then twice as long each time, for half a minute at
/// most. After each pause one request tries whether it is well again. Shared by all loops; asked about calls of the API only,
/// which are few.
final class CircuitBreaker: Sendable {
  private struct State {
    /// In a row.
    var failures = 0
    /// Zero while it is closed, and all calls pass.
    var pause: UInt64 = 0
    /// Nobody is let through before. Monotonic nanoseconds.
    var openUntil: UInt64 = 0
    /// One call has been let through, and tells what becomes of it.
    var isTrying = false
  }

  private static let firstPause: UInt64 = 1_000_000_000
  private static let longestPause: UInt64 = 30_000_000_000

  private let threshold: Int
  private let state = Mutex(State())

  /// - Parameter threshold: failures in a row that open it.
  init(threshold: Int) { self.threshold = threshold }

  /// Whether a call may be made at the time `now`. The one that tries after a pause has as long to come back; then another
  /// one tries.
  /// - Returns: nil for yes, else nanoseconds until the next try.
  func refusal(at now: UInt64 = MonotonicClock.now) -> UInt64? {
    state.withLock { state in
      if state.pause == 0 { return nil }
      if now < state.openUntil { return state.openUntil - now }
      state.openUntil = now + state.pause
      state.isTrying = true
      return nil
    }
  }

  /// Takes note of what came of a call.
  /// - Returns: whether that has opened or closed it.
  func settle(isFailure: Bool, at now: UInt64 = MonotonicClock.now) -> Bool {
    state.withLock { state in
      guard isFailure else {
        defer { state = State() }
        return state.pause > 0
      }
      if state.pause == 0 {
        state.failures += 1
        if state.failures < threshold { return false }
        state.pause = Self.firstPause
        state.openUntil = now + state.pause
        return true
      }
      // Calls that were under way when it opened tell nothing new.
      if state.isTrying {
        state.isTrying = false
        state.pause = min(state.pause * 2, Self.longestPause)
        state.openUntil = now + state.pause
      }
      return false
    }
  }
}
