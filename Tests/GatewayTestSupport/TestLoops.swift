package import EventLoop
import Synchronization

/// Loops that tests borrow. They live as long as the process: what a test has left behind, such as a call that waits to be
/// tried again, still has a loop to end on.
package enum TestLoops {
  private static let spare = Mutex<[Int: [LoopGroup]]>([:])

  /// A group that nobody else has.
  package static func take(_ count: Int = 1) throws -> LoopGroup {
    if let group = spare.withLock({ $0[count]?.popLast() }) { return group }
    return try LoopGroup(count: count)
  }

  package static func give(_ group: LoopGroup) {
    spare.withLock { $0[group.loops.count, default: []].append(group) }
  }
}
