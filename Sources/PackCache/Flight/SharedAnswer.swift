import Synchronization

/// The answer to one request upstream that several clients wait for: what became of the request, and the bytes.
package final class SharedAnswer: Sendable {
  /// What the upstream made of the request.
  package enum Start: Sendable {
    /// The answer follows. Of a pack, so many bytes stand before its first; for others 0.
    case begun(preludeBytes: Int)
    /// Nothing to share: whoever wants an answer asks on his own.
    case nothing
    /// The request was refused, and would be again.
    case refused(any Error)
  }

  private struct State {
    var start: Start?
    /// Nobody joins any more.
    var isClosed = false
    /// Somebody has joined, whether or not he is still there.
    var isShared = false
    var waiting: [CheckedContinuation<Void, Never>] = []
    var producer: CheckedContinuation<Void, Never>?
  }

  package let spool = Spool()
  private let state = Mutex(State())

  package init() {}

  package var isShared: Bool { state.withLock { $0.isShared } }

  package var isClosed: Bool { state.withLock { $0.isClosed } }

  package var hasStarted: Bool { state.withLock { $0.start != nil } }

  /// A reader from the first byte on, or nil when it is too late for one.
  package func join() -> SpoolReader? {
    let mayJoin = state.withLock { state in
      guard !state.isClosed else { return false }
      // Noted before there is a reader, so that the producer gives nothing up in between.
      state.isShared = true
      return true
    }
    guard mayJoin else { return nil }
    // Closed in between means that the producer may not have seen this reader.
    if let reader = spool.makeReader(), !isClosed {
      state.withLock { $0.producer.take() }?.resume()
      return reader
    }
    close()
    return nil
  }

  /// Closes it unless somebody has joined. Returns whether it is closed.
  package func closeUnlessShared() -> Bool {
    if state.withLock({ $0.isShared && !$0.isClosed }) { return false }
    close()
    return true
  }

  /// Waits until somebody has joined, or nobody may any more. One waits: the producer.
  package func firstReader() async {
    await withCheckedContinuation { producer in
      let isThere = state.withLock { state in
        if state.isClosed || spool.readerCount > 0 { return true }
        state.producer = producer
        return false
      }
      if isThere { producer.resume() }
    }
  }

  /// Nobody may join any more. Who is there reads on.
  package func close() {
    let producer = state.withLock { state in
      state.isClosed = true
      return state.producer.take()
    }
    producer?.resume()
  }

  /// Tells the readers what has become of the request; the first time counts. Without an answer it is closed as well.
  package func start(_ start: Start) {
    state.withLock { if $0.start == nil { $0.start = start } }
    if case .begun = start {} else { close() }
    wake()
  }

  /// Waits until the upstream has answered, or `reader` is cancelled (then there is nothing).
  package func started(for reader: SpoolReader) async -> Start {
    reader.onCancel = { [unowned self] in wake() }
    defer { reader.onCancel = nil }
    while true {
      if reader.isCancelled { return .nothing }
      if let start = state.withLock({ $0.start }) { return start }
      await withCheckedContinuation { waiter in
        let isThere = state.withLock { state in
          if state.start != nil || reader.isCancelled { return true }
          state.waiting.append(waiter)
          return false
        }
        if isThere { waiter.resume() }
      }
    }
  }

  /// Wakes all who wait for the start, so that they look at themselves.
  private func wake() {
    let waiting = state.withLock { state in
      defer { state.waiting.removeAll() }
      return state.waiting
    }
    for waiter in waiting { waiter.resume() }
  }
}
