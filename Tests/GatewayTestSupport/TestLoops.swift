package import EventLoop
import Synchronization

/// Loops that tests borrow. They live as long as the process: what a test has left behind, such as a call that waits to be
/// tried again, still has a loop to end on.
package enum TestLoops {
  private static let spare = Mutex<[LoopGroup]>([])

  /// A group of one loop that nobody else has.
  package static func take() throws -> LoopGroup {
    if let group = spare.withLock({ $0.popLast() }) { return group }
    return try LoopGroup(count: 1)
  }

  package static func give(_ group: LoopGroup) { spare.withLock { $0.append(group) } }
}
