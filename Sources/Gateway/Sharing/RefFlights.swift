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
    /// Nothing is under way: ask yourself, and say when you have landed.
    case departs
    /// Share the answer of this flight; whoever makes it sees to its departure.
    case waits(RefFlight, SpoolReader, isNew: Bool)
  }

  private struct Slot {
    /// When the answer to the question under way began to come.
    var answeredAt: UInt64?
    var next: RefFlight?
  }

  /// How long an answer may be on its way to one slow client before others wait for it no more.
  private static let patience: UInt64 = 2_000_000_000

  private let slots = Mutex<[Key: Slot]>([:])

  /// - Parameter isShared: never to depart alone.
  func arrive(_ key: Key, isShared: Bool = false) -> Arrival {
    while true {
      let (flight, isNew): (RefFlight?, Bool) = slots.withLock { slots in
        guard let slot = slots[key] else {
          let flight = isShared ? RefFlight() : nil
          flight?.depart()
          slots[key] = Slot()
          return (flight, true)
        }
        if let next = slot.next, !next.answer.isClosed { return (next, false) }
        let flight = RefFlight()
        slots[key]?.next = flight
        return (flight, true)
      }
      guard let flight else { return .departs }
      if let reader = flight.answer.join() { return .waits(flight, reader, isNew: isNew) }
    }
  }

  /// The answer to the question under way begins to come.
  func answered(_ key: Key, at time: UInt64) { slots.withLock { $0[key]?.answeredAt = time } }

  /// The question under way has its answer, or has none to expect: the next one departs.
  func landed(_ key: Key) {
    let next = slots.withLock { slots in
      let next = slots[key]?.next
      slots[key] = next == nil ? nil : Slot()
      return next
    }
    next?.depart()
  }

  /// Lets `flight`, which waits, depart when the answer it waits for goes to a client that does not take it.
  func overtake(_ key: Key, with flight: RefFlight, at time: UInt64) {
    let mayDepart = slots.withLock { slots in
      guard let slot = slots[key], slot.next === flight, let answered = slot.answeredAt,
        time > answered + Self.patience
      else { return false }
      slots[key] = Slot()
      return true
    }
    if mayDepart { flight.depart() }
  }
}

/// A question for refs that several clients ask together.
final class RefFlight: Sendable {
  let answer = SharedAnswer()

  private struct State {
    var hasDeparted = false
    var waiting: CheckedContinuation<Void, Never>?
  }
  private let state = Mutex(State())

  /// It is sent now: nobody joins any more.
  func depart() {
    let waiting = state.withLock { state in
      state.hasDeparted = true
      return state.waiting.take()
    }
    waiting?.resume()
  }

  var hasDeparted: Bool { state.withLock { $0.hasDeparted } }

  /// Waits for the departure. One waits, on `loop`.
  /// - Parameter overtake: looks, each second, whether it may depart before its turn.
  func departure(on loop: Loop, overtake: @escaping () -> Void) async {
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
        if state.hasDeparted { return true }
        state.waiting = waiter
        return false
      }
      if hasDeparted { waiter.resume() }
    }
  }
}
