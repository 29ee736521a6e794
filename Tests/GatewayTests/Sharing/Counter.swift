import Synchronization

/// A number that tests and scripted peers share.
final class Counter: Sendable {
  private let value = Atomic(0)

  var now: Int { value.load(ordering: .sequentiallyConsistent) }

  /// Counts one more, and gives the new number.
  @discardableResult func count() -> Int { value.add(1, ordering: .sequentiallyConsistent).newValue }

  /// Whether it was counted at all: for what happens once.
  var hasBegun: Bool { now > 0 }
}
