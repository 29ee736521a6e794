import EventLoop
import Synchronization

/// Admits so many transfers at once, on all loops together, and lets as many again wait for a moment.
///
/// Who waits is admitted by rank first, small ones before whole clones, and then whoever of the owners has least under way:
/// so a herd of one owner starves nobody else. Of a gate of eight or more, whole clones get seven places of eight.
final class TransferGate: Sendable {
  /// How soon a transfer's turn comes among those that wait.
  enum Rank: Int, Comparable, Sendable {
    /// A question for refs.
    case refs
    /// A push, or a fetch of what is new.
    case incremental
    /// A fetch of everything.
    case full

    static func < (one: Rank, other: Rank) -> Bool { one.rawValue < other.rawValue }
  }

  /// What somebody who was admitted gives back.
  struct Place: Sendable {
    fileprivate let owner: String
    fileprivate let rank: Rank
  }

  private struct Waiter {
    let number: UInt64
    let place: Place
    /// The most that its owner may have under way.
    let cap: Int
    let turn: CheckedContinuation<Bool, Never>
  }

  private struct State {
    var limit: Int
    /// More than the limit when that was lowered below what was admitted.
    var running = 0
    var runningFull = 0
    /// Owners with something under way.
    var owners: [String: Int] = [:]
    var lastNumber: UInt64 = 0
    /// Oldest first; at most as many as the limit.
    var waiting: [Waiter] = []

    private var fullLimit: Int { limit - limit / 8 }

    mutating func admit(_ place: Place, cap: Int) -> Bool {
      guard mayEnter(place, cap: cap) else { return false }
      running += 1
      if place.rank == .full { runningFull += 1 }
      owners[place.owner, default: 0] += 1
      return true
    }

    mutating func leave(_ place: Place) {
      running -= 1
      if place.rank == .full { runningFull -= 1 }
      let rest = (owners[place.owner] ?? 1) - 1
      owners[place.owner] = rest > 0 ? rest : nil
    }

    private func mayEnter(_ place: Place, cap: Int) -> Bool {
      running < limit && (place.rank < .full || runningFull < fullLimit) && (owners[place.owner] ?? 0) < cap
    }

    /// Takes those out of the queue who get a place now.
    mutating func admitWaiting() -> [Waiter] {
      var admitted: [Waiter] = []
      while running < limit {
        let next = waiting.indices.lazy.filter { [self] in mayEnter(waiting[$0].place, cap: waiting[$0].cap) }
          .min { precedes(waiting[$0], waiting[$1]) }
        guard let next else { break }
        let waiter = waiting.remove(at: next)
        _ = admit(waiter.place, cap: waiter.cap)
        admitted.append(waiter)
      }
      return admitted
    }

    private func precedes(_ one: Waiter, _ other: Waiter) -> Bool {
      if one.place.rank != other.place.rank { return one.place.rank < other.place.rank }
      let (left, right) = (owners[one.place.owner] ?? 0, owners[other.place.owner] ?? 0)
      return left == right ? one.number < other.number : left < right
    }
  }

  private let patience: Duration
  private let state: Mutex<State>

  /// - Parameters:
  ///   - limit: transfers at once.
  ///   - patience: how long one may wait for its turn.
  init(limit: Int, patience: Duration = .seconds(5)) {
    self.patience = patience
    state = Mutex(State(limit: limit))
  }

  /// Waits for admission. Whoever is admitted calls `leave` when it is done. Call on `loop`.
  /// - Parameters:
  ///   - owner: whose transfer it is.
  ///   - cap: the most that he may have under way.
  /// - Throws: `.busy` when the queue is full, or the turn does not come in time.
  func enter(_ rank: Rank, of owner: String, cap: Int = .max, on loop: Loop) async throws(ProxyError) -> Place {
    let place = Place(owner: owner, rank: rank)
    if state.withLock({ $0.admit(place, cap: cap) }) { return place }
    var deadline: Deadline?
    let isAdmitted = await withCheckedContinuation { turn in
      let number: UInt64? = state.withLock { state in
        if state.admit(place, cap: cap) {
          turn.resume(returning: true)
        } else if state.waiting.count >= state.limit {
          turn.resume(returning: false)
        } else {
          state.lastNumber += 1
          state.waiting.append(Waiter(number: state.lastNumber, place: place, cap: cap, turn: turn))
          return state.lastNumber
        }
        return nil
      }
      guard let number else { return }
      deadline = Deadline(on: loop) { [unowned self] in giveUp(number) }
      deadline?.set(after: patience)
    }
    deadline?.clear()
    if !isAdmitted { throw cap == .max ? Self.busy : Self.busyOwner(owner) }
    return place
  }

  /// Gives the place to the next in the queue.
  func leave(_ place: Place) { change { $0.leave(place) } }

  /// Admits more, or fewer, from here on. Who is admitted already stays.
  func set(limit: Int) { change { $0.limit = limit } }

  private func change(_ body: (inout State) -> Void) {
    let admitted = state.withLock { state in
      body(&state)
      return state.waiting.isEmpty ? [] : state.admitWaiting()
    }
    for waiter in admitted { waiter.turn.resume(returning: true) }
  }

  var waitingCount: Int { state.withLock { $0.waiting.count } }

  private func giveUp(_ number: UInt64) {
    state.withLock { state in
      guard let index = state.waiting.firstIndex(where: { $0.number == number }) else { return }
      state.waiting.remove(at: index).turn.resume(returning: false)
    }
  }

  private static let busy = ProxyError(
    .busy, status: 503, "busy: as many transfers are under way as --max-transfers allows; retry in 5 s",
    retryAfter: .seconds(5))

  private static func busyOwner(_ owner: String) -> ProxyError {
    ProxyError(
      .busy, status: 429, "busy: \(owner) has as many transfers under way as a limit allows; retry in 5 s",
      retryAfter: .seconds(5))
  }
}
