import Synchronization

/// Work that goes on when its client has left, as it does on the service, but not when the service ends.
final class WorkList: Sendable {
  private struct State {
    /// Each cancels one work and waits for its end.
    var ends: [Int: @Sendable () async -> Void] = [:]
    var next = 0
    var isClosed = false
  }

  private let state = Mutex(State())

  /// Runs `body` apart from the caller's task and waits for it. Throws `CancellationError` after `close`.
  func run<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
    let task = Task.detached { try await body() }
    let number = state.withLock { state in
      state.next += 1
      if state.isClosed { task.cancel() }
      state.ends[state.next] = {
        task.cancel()
        _ = await task.result
      }
      return state.next
    }
    defer { _ = state.withLock { $0.ends.removeValue(forKey: number) } }
    return try await task.value
  }

  /// Ends what runs, waits for it, and ends what may come.
  func close() async {
    let ends = state.withLock { state in
      state.isClosed = true
      return state.ends.values.map(\.self)
    }
    for end in ends { await end() }
  }
}
