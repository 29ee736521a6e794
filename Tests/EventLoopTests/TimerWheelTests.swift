import GatewayTestSupport
import Testing

@testable import EventLoop

/// Timers of a loop whose clock the test drives: within one job the loop itself does not look at them.
private final class HandDriven {
  let loop: Loop
  private(set) var now: UInt64
  private let start: UInt64
  static let tick: UInt64 = 8_000_000

  init(_ loop: Loop) {
    self.loop = loop
    now = loop.now
    start = loop.now
  }

  func set(_ deadline: Deadline, after interval: Duration) {
    deadline.set(after: interval + .nanoseconds(Int64(now - start)))
  }

  func advance(by interval: Duration) -> [Deadline] { advance(to: now + interval.nanoseconds) }

  func advance(to instant: UInt64) -> [Deadline] {
    now = instant
    return loop.timers.expire(now: instant)
  }

  var next: UInt64? { loop.timers.nextInstant() }

  func deadline() -> Deadline { Deadline(on: loop) {} }
}

@Suite(.timeLimit(.minutes(1)))
struct TimerWheelTests {
  @Test func `timers fire in the order of their time and never early`() async throws {
    try await onLoop { loop in
      let clock = HandDriven(loop)
      let deadlines = [40, 8, 1_000, 100, 8_000].map { milliseconds in
        let deadline = clock.deadline()
        clock.set(deadline, after: .milliseconds(milliseconds))
        return deadline
      }
      var fired: [Int] = []
      for _ in 0..<9_000 {
        for deadline in clock.advance(by: .milliseconds(1)) {
          #expect(deadline.due <= clock.now)
          #expect(clock.now < deadline.due + 2 * HandDriven.tick)
          fired.append(deadlines.firstIndex { $0 === deadline } ?? -1)
        }
      }
      #expect(fired == [1, 0, 3, 2, 4])
      #expect(clock.next == nil)
    }
  }

  @Test func `timers of one step forward come in the order of their buckets`() async throws {
    try await onLoop { loop in
      let clock = HandDriven(loop)
      for milliseconds in [900, 20, 500, 100, 60] {
        clock.set(clock.deadline(), after: .milliseconds(milliseconds))
      }
      let fired = clock.advance(by: .seconds(1)).map(\.due)
      #expect(fired.count == 5)
      #expect(fired == fired.sorted())
    }
  }

  @Test func `a timer that is moved fires at its new time only`() async throws {
    try await onLoop { loop in
      let clock = HandDriven(loop)
      let later = clock.deadline()
      let earlier = clock.deadline()
      clock.set(later, after: .milliseconds(100))
      clock.set(earlier, after: .seconds(5))
      clock.set(later, after: .milliseconds(300))
      clock.set(earlier, after: .milliseconds(50))
      #expect(clock.advance(by: .milliseconds(66)).map { $0 === earlier } == [true])
      #expect(clock.advance(by: .milliseconds(200)).isEmpty)
      #expect(clock.advance(by: .milliseconds(60)).map { $0 === later } == [true])
      #expect(clock.advance(by: .seconds(20)).isEmpty)
    }
  }

  @Test func `a cleared timer does not fire`() async throws {
    try await onLoop { loop in
      let clock = HandDriven(loop)
      let deadlines = (0..<5).map { _ in clock.deadline() }
      for deadline in deadlines { clock.set(deadline, after: .milliseconds(10)) }
      for index in [0, 4, 2] { deadlines[index].clear() }
      deadlines[2].clear()
      let fired = clock.advance(by: .seconds(1))
      #expect(
        Set(fired.map(ObjectIdentifier.init)) == [ObjectIdentifier(deadlines[1]), ObjectIdentifier(deadlines[3])])
      #expect(clock.next == nil)
    }
  }

  @Test(arguments: [Duration.seconds(9), .seconds(60), .seconds(1_000)])
  func `a timer beyond a turn of the wheel is passed over until it is due`(_ interval: Duration) async throws {
    try await onLoop { loop in
      let clock = HandDriven(loop)
      let deadline = clock.deadline()
      clock.set(deadline, after: interval)
      var turns = 0
      while let next = clock.next {
        #expect(next > clock.now && next - clock.now <= 1025 * HandDriven.tick)
        let fired = clock.advance(to: next)
        turns += 1
        if fired.isEmpty { #expect(next < deadline.due + HandDriven.tick) } else { #expect(deadline.due <= next) }
      }
      #expect(turns <= Int(interval / .seconds(8)) + 2)
      #expect(!deadline.isScheduled)
    }
  }

  @Test func `a timer without an end never fires`() async throws {
    try await onLoop { loop in
      let clock = HandDriven(loop)
      let deadline = clock.deadline()
      clock.set(deadline, after: .seconds(Int64.max / 4))
      #expect(clock.advance(by: .seconds(1_000_000)).isEmpty)
      deadline.clear()
      #expect(clock.next == nil)
    }
  }

  @Test func `ten thousand random timers fire as in a list`() async throws {
    try await onLoop { loop in
      let clock = HandDriven(loop)
      var generator = SystemRandomNumberGenerator()
      var scheduled: [ObjectIdentifier: Deadline] = [:]
      var set = 0
      while set < 10_000 || !scheduled.isEmpty {
        if set < 10_000 {
          for _ in 0..<100 {
            let deadline = clock.deadline()
            clock.set(deadline, after: .milliseconds(Int.random(in: 0...(set % 7 == 0 ? 30_000 : 2_000))))
            scheduled[ObjectIdentifier(deadline)] = deadline
            set += 1
          }
          for (key, deadline) in scheduled where Int.random(in: 0..<40, using: &generator) == 0 {
            if Bool.random() {
              deadline.clear()
              scheduled[key] = nil
            } else {
              clock.set(deadline, after: .milliseconds(Int.random(in: 0...12_000)))
            }
          }
        }
        let earliest = scheduled.values.map(\.due).min()
        if let earliest {
          let next = try #require(clock.next)
          #expect(next <= max(earliest, clock.now) + 2 * HandDriven.tick)
        }
        let step = [1, 7, 8, 9, 100, 3_000, 20_000].randomElement(using: &generator) ?? 1
        for deadline in clock.advance(by: .milliseconds(step)) {
          #expect(scheduled.removeValue(forKey: ObjectIdentifier(deadline)) != nil)
          #expect(deadline.due <= clock.now)
        }
        for deadline in scheduled.values where deadline.due + 2 * HandDriven.tick <= clock.now {
          Issue.record("a timer is \(clock.now - deadline.due) ns late")
        }
      }
      #expect(clock.next == nil)
    }
  }

  @Test func `a timer cleared by one that fires beside it does not fire`() async throws {
    try await onLoop { loop in
      var second: Deadline?
      var secondFired = false
      await withUnsafeContinuation { done in
        let first = Deadline(on: loop) { second?.clear() }
        let other = Deadline(on: loop) { secondFired = true }
        second = other
        let last = Deadline(on: loop) { done.resume() }
        first.set(after: .milliseconds(10))
        other.set(after: .milliseconds(10))
        last.set(after: .milliseconds(40))
      }
      #expect(!secondFired)
    }
  }

  @Test func `a timer moved by one that fires beside it fires once, later`() async throws {
    try await onLoop { loop in
      var second: Deadline?
      var movedAt: UInt64 = 0
      var firedAt: [UInt64] = []
      await withUnsafeContinuation { done in
        let last = Deadline(on: loop) { done.resume() }
        let other = Deadline(on: loop) {
          firedAt.append(loop.now)
          last.set(after: .milliseconds(40))
        }
        second = other
        let first = Deadline(on: loop) {
          movedAt = loop.now
          second?.set(after: .milliseconds(20))
        }
        first.set(after: .milliseconds(10))
        other.set(after: .milliseconds(10))
      }
      #expect(firedAt.count == 1)
      #expect(firedAt.allSatisfy { $0 >= movedAt + 20_000_000 })
    }
  }

  @Test(arguments: [
    (Duration.zero, UInt64(0)), (.nanoseconds(1), 1), (.seconds(-5), 0), (.seconds(3), 3_000_000_000),
    (.seconds(Int64.max), UInt64.max),
  ])
  func `a duration in nanoseconds is cut at both ends`(_ duration: Duration, _ nanoseconds: UInt64) {
    #expect(duration.nanoseconds == nanoseconds)
  }
}
