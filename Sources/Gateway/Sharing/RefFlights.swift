import EventLoop
import PackCache
import Synchronization

/// Questions for refs, of which at most one is under way for the same repo and arguments, and at most one waits for it.
///
/// Whoever comes while one is under way waits for the next and shares its answer with all who came meanwhile: it is sent
/// after they have asked, so nobody sees refs older than his own question.
final class RefFlights: Sendable {
  struct Key: Hashable {
    let repoID: String
    /// The question in its canonical form.
    let question: [UInt8]
  }

  enum Arrival {
    /// Nothing is under way: ask yourself, and say by this number when you have landed.
    case departs(UInt64)
    /// Share the answer of this flight; whoever makes it sees to its departure.
    case waits(RefFlight, SpoolReader, isNew: Bool)
  }

  private struct Slot {
    /// Names the question that is under way.
    let number: UInt64
    /// When the answer to the question under way began to come.
    var answeredAt: UInt64?
    var next: RefFlight?
  }

  /// How long an answer may be on its way to one slow client before others wait for it no more.
  private static let patience: UInt64 = 2_000_000_000

  private struct State {
    var slots: [Key: Slot] = [:]
    var lastNumber: UInt64 = 0

    mutating func open(_ key: Key) -> UInt64 {
      lastNumber += 1
      slots[key] = Slot(number: lastNumber)
      return lastNumber
    }
  }

  private let state = Mutex(State())
  private let count: @Sendable (RefFlightResult) -> Void

  /// - Parameter count: told of each arrival, on any thread.
  init(count: @escaping @Sendable (RefFlightResult) -> Void = { _ in }) { self.count = count }

  /// - Parameter isShared: never to depart alone.
  func arrive(_ key: Key, isShared: Bool = false) -> Arrival {
    while true {
      let (flight, number): (RefFlight?, UInt64?) = state.withLock { state in
        guard let slot = state.slots[key] else {
          let number = state.open(key)
          return isShared ? (RefFlight(departedAs: number), number) : (nil, number)
        }
        if let next = slot.next, !next.answer.isClosed { return (next, nil) }
        let flight = RefFlight()
        state.slots[key]?.next = flight
        return (flight, 0)
      }
      guard let flight else {
        count(.alone)
        return .departs(number ?? 0)
      }
      if let reader = flight.answer.join() {
        count(number != nil ? .led : .joined)
        return .waits(flight, reader, isNew: number != nil)
      }
    }
  }

  /// The answer to the question under way begins to come.
  func answered(_ key: Key, _ number: UInt64, at time: UInt64) {
    state.withLock { if $0.slots[key]?.number == number { $0.slots[key]?.answeredAt = time } }
  }

  /// The question under way has its answer, or has none to expect: the next one departs.
  func landed(_ key: Key, _ number: UInt64) {
    let (next, nextNumber): (RefFlight?, UInt64) = state.withLock { state in
      // One that was overtaken has no say any more.
      guard let slot = state.slots[key], slot.number == number else { return (nil, 0) }
      guard let next = slot.next else {
        state.slots[key] = nil
        return (nil, 0)
      }
      return (next, state.open(key))
    }
    next?.depart(as: nextNumber)
  }

  /// Lets `flight`, which waits, depart when the answer it waits for goes to a client that does not take it.
  func overtake(_ key: Key, with flight: RefFlight, at time: UInt64) {
    let number: UInt64? = state.withLock { state in
      guard let slot = state.slots[key], slot.next === flight, let answered = slot.answeredAt,
        time > answered + Self.patience
      else { return nil }
      return state.open(key)
    }
    if let number { flight.depart(as: number) }
  }
}

/// A question for refs that several clients ask together.
final class RefFlight: Sendable {
  let answer = SharedAnswer()

  private struct State {
    /// What the question that it is goes by.
    var number: UInt64?
    var grantedAt: UInt64?
    var waiting: CheckedContinuation<Void, Never>?
  }
  private let state: Mutex<State>

  /// - Parameter number: of one that departs at once.
  init(departedAs number: UInt64? = nil) { state = Mutex(State(number: number)) }

  /// Its turn has come.
  func depart(as number: UInt64) {
    let waiting = state.withLock { state in
      state.number = number
      return state.waiting.take()
    }
    waiting?.resume()
  }

  /// When the question was sent that the right repo has granted; nil while, or if, it has not.
  var grantedAt: UInt64? {
    get { state.withLock { $0.grantedAt } }
    set { state.withLock { $0.grantedAt = newValue } }
  }

  /// Waits for the departure. One waits, on `loop`.
  /// - Parameter overtake: looks, each second, whether it may depart before its turn.
  /// - Returns: its number.
  func departure(on loop: Loop, overtake: @escaping () -> Void) async -> UInt64 {
    var clock: Deadline?
    clock = Deadline(on: loop) {
      overtake()
      clock?.set(after: .seconds(1))
    }
    clock?.set(after: .seconds(1))
    defer {
      clock?.clear()
      clock = nil
    }
    await withCheckedContinuation { waiter in
      let hasDeparted = state.withLock { state in
        if state.number != nil { return true }
        state.waiting = waiter
        return false
      }
      if hasDeparted { waiter.resume() }
    }
    return state.withLock { $0.number ?? 0 }
  }
}
