import EventLoop
import Synchronization

/// Knows how long no request has been in flight. Shared by all loops.
package final class ActivityMeter: Sendable {
  private struct State {
    var inFlight = 0
    /// Nanoseconds of the monotonic clock.
    var idleSince = MonotonicClock.now
  }

  private let state = Mutex(State())

  package init() {}

  /// A request has come. To be followed by `end`.
  func begin() { state.withLock { $0.inFlight += 1 } }

  func end() {
    state.withLock { state in
      state.inFlight -= 1
      if state.inFlight == 0 { state.idleSince = MonotonicClock.now }
    }
  }

  /// Returns once no request has been in flight for so many seconds, counted from the start of the meter at the earliest.
  /// - Throws: `CancellationError` when the task is cancelled.
  package func waitUntilIdle(for seconds: Int) async throws {
    let span = UInt64(seconds) * 1_000_000_000
    while true {
      let (now, since) = (MonotonicClock.now, state.withLock { $0.inFlight == 0 ? $0.idleSince : nil })
      // A request that runs now is over at some time; then at least the whole span is still to come.
      let left = since.map { now - $0 < span ? span - (now - $0) : 0 } ?? span
      if left == 0 { return }
      try await Task.sleep(for: .nanoseconds(Int64(left)))
    }
  }

  /// Whether a request shows that somebody uses the gateway: probes and scrapes do not.
  static func counts(_ path: Substring) -> Bool {
    path != "/livez" && path != "/readyz" && path != "/metrics"
  }
}
