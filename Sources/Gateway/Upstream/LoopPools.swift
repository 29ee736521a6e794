import EventLoop
import HTTPTransport
import Synchronization

/// The upstream connections of all loops, to be closed at the end.
final class LoopPools: Sendable {
  /// `@unchecked Sendable`: the pool is touched on its loop only.
  private struct Bound: @unchecked Sendable {
    let pool: UpstreamPool
    let loop: Loop
  }

  private let bound = Mutex<[Bound]>([])

  func add(_ pool: UpstreamPool, on loop: Loop) {
    let new = Bound(pool: pool, loop: loop)
    bound.withLock { $0.append(new) }
  }

  /// Closes what no exchange uses.
  func closeIdle() async {
    for bound in bound.withLock({ $0 }) {
      await Task(executorPreference: bound.loop) { bound.pool.closeIdle() }.value
    }
  }
}
