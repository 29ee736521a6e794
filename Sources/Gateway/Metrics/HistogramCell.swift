import CoreMetrics
import Synchronization

/// Durations, counted by how long they were. Any thread adds to it without a lock.
final class HistogramCell: TimerHandler {
  /// The upper bounds of the buckets, nanoseconds: from 5 ms, of a request on a warm connection, to the 1,800 s of a big clone.
  static let bounds: [17 of Int64] = [
    5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000, 250_000_000, 500_000_000, 1_000_000_000,
    2_500_000_000, 5_000_000_000, 10_000_000_000, 30_000_000_000, 60_000_000_000, 120_000_000_000, 300_000_000_000,
    600_000_000_000, 1_800_000_000_000,
  ]

  /// One for each bound and one for what is longer; each counts what the one before does not.
  private let buckets = InlineArray<18, Atomic<Int64>> { _ in Atomic(0) }
  /// Nanoseconds.
  private let total = Atomic<Int64>(0)

  func recordNanoseconds(_ duration: Int64) {
    var index = 0
    while index < Self.bounds.count, duration > Self.bounds[index] { index += 1 }
    buckets[index].add(1, ordering: .relaxed)
    total.add(duration, ordering: .relaxed)
  }

  /// How many durations were at most as long as each bound; the last is the count of all.
  var cumulativeCounts: [Int64] {
    var count: Int64 = 0
    return buckets.indices.map { index in
      count += buckets[index].load(ordering: .relaxed)
      return count
    }
  }

  /// Seconds in all.
  var sum: Double { Double(total.load(ordering: .relaxed)) / 1e9 }
}
