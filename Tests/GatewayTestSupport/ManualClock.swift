import EventLoop
import Synchronization

/// A wall clock that stands still until it is moved. It starts at the real time, whole seconds.
package final class ManualClock: Sendable {
  private let time = Mutex(WallClock.now.rounded(.down))

  package init() {}

  /// Seconds since 1970.
  package var now: Double { time.withLock { $0 } }

  package func advance(seconds: Double) { time.withLock { $0 += seconds } }
}
