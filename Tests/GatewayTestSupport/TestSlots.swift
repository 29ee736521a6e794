import Synchronization

/// How many tests of a kind run at once. The test library starts all there are, and on a small machine the time-outs of
/// some would then be about the others.
final class TestSlots: Sendable {
  /// Tests in this process, which are mostly waiting.
  static let light = TestSlots(8)
  /// Tests that run git or the program, which take a processor each.
  static let heavy = TestSlots(3)

  private struct State {
    var free: Int
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let state: Mutex<State>

  private init(_ count: Int) { state = Mutex(State(free: count)) }

  func with<Result>(_ body: () async throws -> Result) async throws -> Result {
    await take()
    defer { give() }
    return try await body()
  }

  private func take() async {
    await withCheckedContinuation { continuation in
      let isTaken = state.withLock { state in
        guard state.free > 0 else {
          state.waiting.append(continuation)
          return false
        }
        state.free -= 1
        return true
      }
      if isTaken { continuation.resume() }
    }
  }

  /// The slot goes to who has waited longest.
  private func give() {
    let next: CheckedContinuation<Void, Never>? = state.withLock { state in
      if !state.waiting.isEmpty { return state.waiting.removeFirst() }
      state.free += 1
      return nil
    }
    next?.resume()
  }
}
