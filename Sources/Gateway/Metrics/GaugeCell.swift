import CoreMetrics
import Synchronization

/// A number that goes up and down, set or moved by any thread without a lock.
final class GaugeCell: MeterHandler, RecorderHandler {
  private let bits = Atomic<UInt64>(0)

  var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

  func set(_ value: Int64) { set(Double(value)) }
  func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }
  func record(_ value: Int64) { set(value) }
  func record(_ value: Double) { set(value) }

  func increment(by amount: Double) {
    var current = bits.load(ordering: .relaxed)
    while true {
      let next = (Double(bitPattern: current) + amount).bitPattern
      let (isDone, seen) = bits.weakCompareExchange(expected: current, desired: next, ordering: .relaxed)
      if isDone { return }
      current = seen
    }
  }

  func decrement(by amount: Double) { increment(by: -amount) }
}
