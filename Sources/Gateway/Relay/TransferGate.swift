import EventLoop
import Synchronization

/// Admits so many transfers at once, on all loops together, and lets as many again wait for a moment, in the order of their
/// coming.
final class TransferGate: Sendable {
  private struct State {
    var limit: Int
    /// Below zero when the limit was lowered below what was admitted.
    var free: Int
    var lastNumber: UInt64 = 0
    /// Oldest first.
    var waiting: [(number: UInt64, turn: CheckedContinuation<Bool, Never>)] = []

    mutating func takeFree() -> Bool {
      if free <= 0 { return false }
      free -= 1
      return true
    }
  }

  private let patience: Duration
  private let state: Mutex<State>

  /// - Parameters:
  ///   - limit: transfers at once.
  ///   - patience: how long one may wait for its turn.
  init(limit: Int, patience: Duration = .seconds(5)) {
    self.patience = patience
    state = Mutex(State(limit: limit, free: limit))
  }

  /// Waits for admission. Whoever is admitted calls `leave` when it is done. Call on `loop`.
  /// - Throws: `.busy` when the queue is full, or the turn does not come in time.
  func enter(on loop: Loop) async throws(ProxyError) {
    if state.withLock({ $0.takeFree() }) { return }
    var deadline: Deadline?
    let isAdmitted = await withCheckedContinuation { turn in
      let number: UInt64? = state.withLock { state in
        if state.takeFree() {
          turn.resume(returning: true)
        } else if state.waiting.count >= state.limit {
          turn.resume(returning: false)
        } else {
          state.lastNumber += 1
          state.waiting.append((state.lastNumber, turn))
          return state.lastNumber
        }
        return nil
      }
      guard let number else { return }
      deadline = Deadline(on: loop) { [unowned self] in giveUp(number) }
      deadline?.set(after: patience)
    }
    deadline?.clear()
    if !isAdmitted { throw Self.busy }
  }

  /// Gives the place to the next in the queue.
  func leave() {
    state.withLock { state in
      state.free += 1
      Self.admitWaiting(&state)
    }
  }

  /// Admits more, or fewer, from here on. Who is admitted already stays.
  func set(limit: Int) {
    state.withLock { state in
      state.free += limit - state.limit
      state.limit = limit
      Self.admitWaiting(&state)
    }
  }

  private static func admitWaiting(_ state: inout State) {
    while !state.waiting.isEmpty, state.takeFree() { state.waiting.removeFirst().turn.resume(returning: true) }
  }

  private func giveUp(_ number: UInt64) {
    state.withLock { state in
      guard let index = state.waiting.firstIndex(where: { $0.number == number }) else { return }
      state.waiting.remove(at: index).turn.resume(returning: false)
    }
  }

  private static let busy = ProxyError(
    .busy, status: 503, "busy: as many transfers are under way as --max-transfers allows; retry in 5 s",
    retryAfter: .seconds(5))
}
