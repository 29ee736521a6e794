import Synchronization

/// Counts, from whatever thread.
package final class Counter: Sendable {
  private let count = Mutex(0)

  package init() {}

  package var value: Int { count.withLock { $0 } }

  /// Counts one more. Returns how many there were before.
  @discardableResult package func next() -> Int {
    count.withLock { count in
      defer { count += 1 }
      return count
    }
  }
}
