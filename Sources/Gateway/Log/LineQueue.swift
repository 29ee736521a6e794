@preconcurrency import Dispatch
import Synchronization

/// Lines on their way to a slow place: taken from any thread without waiting, written on a queue of its own. So many lines and
/// bytes may wait, beside as much that is being written; what does not fit is dropped and counted.
final class LineQueue: Sendable {
  private struct State {
    var waiting: [UInt8] = []
    var lineCount = 0
    /// Somebody writes, or is about to.
    var isDraining = false
    var dropped = 0
  }

  private let state = Mutex(State())
  private let queue: DispatchQueue
  private let byteLimit: Int
  private let lineLimit: Int
  private let write: @Sendable (_ lines: [UInt8], _ dropped: Int) -> Void
  private let dropped = Atomic<Int>(0)

  /// - Parameter write: writes whole lines, on the queue, and is told how many were dropped before them; may take its time.
  init(
    label: String, byteLimit: Int, lineLimit: Int = .max,
    write: @escaping @Sendable (_ lines: [UInt8], _ dropped: Int) -> Void
  ) {
    queue = DispatchQueue(label: label)
    self.byteLimit = byteLimit
    self.lineLimit = lineLimit
    self.write = write
  }

  /// Lines that found no room since the start.
  var droppedCount: Int { dropped.load(ordering: .relaxed) }

  /// Adds so many lines, each of which ends in a newline. They stay together, or are dropped together. Never waits.
  func add(_ lines: UnsafeRawBufferPointer, lineCount: Int = 1) {
    let begins = state.withLock { state in
      guard state.waiting.count + lines.count <= byteLimit, state.lineCount + lineCount <= lineLimit else {
        state.dropped += lineCount
        dropped.add(lineCount, ordering: .relaxed)
        return false
      }
      state.waiting.append(contentsOf: lines)
      state.lineCount += lineCount
      defer { state.isDraining = true }
      return !state.isDraining
    }
    if begins { queue.async { self.drain() } }
  }

  /// Writes until nothing waits. On the queue.
  private func drain() {
    var bytes: [UInt8] = []
    while let dropped = take(&bytes) { write(bytes, dropped) }
  }

  /// Takes what waits, and leaves the memory of `bytes` for what comes.
  /// - Returns: how many lines were dropped meanwhile; nil when nothing waits, and others see to what comes.
  private func take(_ bytes: inout [UInt8]) -> Int? {
    bytes.removeAll(keepingCapacity: true)
    return state.withLock { state in
      guard !state.waiting.isEmpty || state.dropped > 0 else {
        state.isDraining = false
        return nil
      }
      swap(&state.waiting, &bytes)
      state.lineCount = 0
      defer { state.dropped = 0 }
      return state.dropped
    }
  }

  /// Waits, for at most a second, until what was added so far is written. For the end of the process.
  func flush() {
    let done = DispatchSemaphore(value: 0)
    queue.async {
      self.drain()
      done.signal()
    }
    _ = done.wait(timeout: .now() + 1)
  }
}
