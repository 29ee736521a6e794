import EventLoop
import Synchronization

/// The access logs of all loops, whose last lines are to be handed on at the end.
final class LoopLogs: Sendable {
  /// `@unchecked Sendable`: the log is touched on its loop only.
  private struct Bound: @unchecked Sendable {
    let log: AccessLog
    let loop: Loop
  }

  private let bound = Mutex<[Bound]>([])

  /// The access log of one more loop.
  func make(_ log: GatewayLog, on loop: Loop) -> AccessLog {
    let new = Bound(log: AccessLog(log, on: loop), loop: loop)
    bound.withLock { $0.append(new) }
    return new.log
  }

  func flush() async {
    for bound in bound.withLock({ $0 }) {
      await Task(executorPreference: bound.loop) { bound.log.flush() }.value
    }
  }
}
