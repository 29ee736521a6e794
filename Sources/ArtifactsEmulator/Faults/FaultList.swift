import Synchronization

/// The faults of a running service. Requests on any loop take from it.
package final class FaultList: Sendable {
  private struct State {
    var faults: [(id: Int, fault: Fault)] = []
    var lastID = 0
  }

  /// More than anybody means to set.
  private static let capacity = 1000

  private let state = Mutex(State())

  /// - Parameter faults: those to begin with.
  init(_ faults: [Fault]) {
    for fault in faults { _ = add(fault) }
  }

  /// Adds a fault behind the others and returns its number; nil when there are too many.
  package func add(_ fault: Fault) -> Int? {
    state.withLock { state in
      guard state.faults.count < Self.capacity else { return nil }
      state.lastID += 1
      state.faults.append((state.lastID, fault))
      return state.lastID
    }
  }

  package var all: [(id: Int, fault: Fault)] { state.withLock { $0.faults } }

  /// Takes one fault away; false when there is none of that number.
  package func remove(_ id: Int) -> Bool {
    state.withLock { state in
      let before = state.faults.count
      state.faults.removeAll { $0.id == id }
      return state.faults.count < before
    }
  }

  package func removeAll() { state.withLock { $0.faults.removeAll() } }

  /// What one request has to suffer, in order, up to the first that is an answer. Each of them has one use less
  /// afterwards.
  func take(_ target: Fault.Target) -> [Fault.Action] {
    state.withLock { state in
      guard !state.faults.isEmpty else { return [] }
      var actions: [Fault.Action] = []
      for index in state.faults.indices where state.faults[index].fault.applies(to: target) {
        actions.append(state.faults[index].fault.action)
        state.faults[index].fault.remaining? -= 1
        if state.faults[index].fault.action.isAnswer { break }
      }
      state.faults.removeAll { $0.fault.remaining == 0 }
      return actions
    }
  }
}
