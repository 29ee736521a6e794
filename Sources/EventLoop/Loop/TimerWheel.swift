/// The timers of one loop: a wheel of buckets, eight milliseconds each.
///
/// Setting, moving and cancelling cost a few stores. A timer moved to a later time stays in its bucket until the wheel
/// comes by, so an idle time-out that is pushed on with every byte costs one store a byte run. Timers further away than
/// one turn (8.4 s) share buckets and are passed over until due.
struct TimerWheel {
  private static let bucketCount = 1024
  private static let tick: UInt64 = 8_000_000

  private var buckets: [[Deadline]] = Array(repeating: [], count: bucketCount)
  /// One bit a bucket: whether it holds anything.
  private var occupied = [UInt64](repeating: 0, count: bucketCount / 64)
  private var count = 0
  /// The tick up to which, and including which, buckets have been looked at.
  private var cursor: UInt64

  init(now: UInt64) { cursor = now / Self.tick }

  /// Enters `deadline` under its `due` instant.
  mutating func insert(_ deadline: Deadline) {
    // Rounded up, so that nothing fires early; never into a bucket that the cursor has passed in this turn.
    let rounded = deadline.due.addingReportingOverflow(Self.tick - 1)
    let tick = max(rounded.overflow ? .max : rounded.partialValue / Self.tick, cursor + 1)
    let bucket = Int(tick % UInt64(Self.bucketCount))
    deadline.bucket = bucket
    deadline.position = buckets[bucket].count
    deadline.bucketTick = tick
    buckets[bucket].append(deadline)
    occupied[bucket / 64] |= 1 << UInt64(bucket % 64)
    count += 1
  }

  /// Takes `deadline` out, in constant time. It must be in.
  mutating func remove(_ deadline: Deadline) {
    let bucket = deadline.bucket
    let last = buckets[bucket].count - 1
    if deadline.position != last {
      let moved = buckets[bucket][last]
      buckets[bucket][deadline.position] = moved
      moved.position = deadline.position
    }
    buckets[bucket].removeLast()
    if last == 0 { occupied[bucket / 64] &= ~(1 << UInt64(bucket % 64)) }
    deadline.bucket = -1
    count -= 1
  }

  /// Moves the wheel on to `now` and takes out what has come due, in the order of its buckets.
  mutating func expire(now: UInt64) -> [Deadline] {
    let target = now / Self.tick
    guard target > cursor else { return [] }
    guard count > 0 else {
      cursor = target
      return []
    }
    var expired: [Deadline] = []
    let steps = min(target - cursor, UInt64(Self.bucketCount))
    for tick in (target - steps + 1)...target {
      let bucket = Int(tick % UInt64(Self.bucketCount))
      var position = 0
      while position < buckets[bucket].count {
        let deadline = buckets[bucket][position]
        if deadline.due <= now {
          remove(deadline)
          deadline.isDue = true
          expired.append(deadline)
        } else if deadline.bucketTick <= target {
          remove(deadline)
          cursor = target
          insert(deadline)
        } else {
          position += 1
        }
      }
    }
    cursor = target
    return expired
  }

  /// When the loop has to look again: the start of the nearest bucket that holds something, at most one turn away.
  /// Nil when there is no timer.
  func nextInstant() -> UInt64? {
    guard count > 0 else { return nil }
    let start = Int((cursor + 1) % UInt64(Self.bucketCount))
    // One word more than there are: the first is seen twice, above and below `start`.
    for step in 0...occupied.count {
      let index = (start / 64 + step) % occupied.count
      var word = occupied[index]
      if step == 0 { word &= UInt64.max << UInt64(start % 64) }
      guard word != 0 else { continue }
      let bucket = index * 64 + word.trailingZeroBitCount
      let distance = (bucket - start + Self.bucketCount) % Self.bucketCount
      return (cursor + 1 + UInt64(distance)) * Self.tick
    }
    return nil
  }
}

/// One settable timer of a loop. Owned by whoever waits; the loop holds it only while it is set.
///
/// Confined to its loop: created, set, cleared and fired there.
package final class Deadline {
  fileprivate(set) var due: UInt64 = .max
  fileprivate var bucket = -1
  fileprivate var position = 0
  fileprivate var bucketTick: UInt64 = 0
  /// Taken out of the wheel to be fired in this turn. One that fires before it may still clear or move it.
  fileprivate var isDue = false
  private let loop: Loop
  /// What happens when the time comes. Set once by the owner; captures the owner weakly or unowned.
  private let action: () -> Void

  package init(on loop: Loop, action: @escaping () -> Void) {
    self.loop = loop
    self.action = action
  }

  var isScheduled: Bool { bucket >= 0 }

  /// Sets, or moves, the timer to `interval` after the loop's current turn.
  package func set(after interval: Duration) {
    let instant = loop.now.addingReportingOverflow(interval.nanoseconds)
    let due = instant.overflow ? UInt64.max - 1 : instant.partialValue
    isDue = false
    if isScheduled {
      if due >= self.due {
        self.due = due
        return
      }
      loop.timers.remove(self)
    }
    self.due = due
    loop.timers.insert(self)
  }

  /// Takes the timer back. A cleared timer does not fire.
  package func clear() {
    isDue = false
    if isScheduled { loop.timers.remove(self) }
  }

  func fire() {
    guard isDue else { return }
    isDue = false
    action()
  }
}

extension Duration {
  /// The whole as nanoseconds, not below zero, capped at `UInt64.max`.
  package var nanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    let whole = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    let sum = whole.partialValue.addingReportingOverflow(UInt64(attoseconds) / 1_000_000_000)
    return whole.overflow || sum.overflow ? .max : sum.partialValue
  }
}
