@preconcurrency import Dispatch
import Glibc
import Synchronization

/// Where log lines go: a descriptor that is written on a queue of its own, so that a slow or stuck reader of the log never
/// holds up a loop. At most 1 MiB waits, beside as much that is being written; what does not fit is dropped and counted, and
/// the count is written when there is room again.
package final class LogSink: Sendable {
  private struct State {
    var waiting: [UInt8] = []
    /// Somebody writes, or is about to.
    var isDraining = false
    var dropped = 0
  }

  private static let limit = 1 << 20
  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "log")
  private let descriptor: CInt
  private let dropped = Atomic<Int>(0)

  /// - Parameter descriptor: stays the caller's; must outlive the sink.
  package init(descriptor: CInt = 2) { self.descriptor = descriptor }

  /// Lines that found no room since the start.
  package var droppedCount: Int { dropped.load(ordering: .relaxed) }

  /// Adds a line, which ends in a newline. Never waits.
  func write(_ line: String) {
    var line = line
    line.withUTF8 { write(UnsafeRawBufferPointer($0), lineCount: 1) }
  }

  /// The same for so many whole lines. They stay together, or are dropped together.
  func write(_ lines: UnsafeRawBufferPointer, lineCount: Int) {
    let begins = state.withLock { state in
      guard state.waiting.count + lines.count <= Self.limit else {
        state.dropped += lineCount
        dropped.add(lineCount, ordering: .relaxed)
        return false
      }
      state.waiting.append(contentsOf: lines)
      defer { state.isDraining = true }
      return !state.isDraining
    }
    if begins { queue.async { self.drain() } }
  }

  /// Writes until nothing waits. On the queue.
  private func drain() {
    var bytes: [UInt8] = []
    while let dropped = take(&bytes) {
      if dropped > 0 {
        put(Array("{\"level\":\"warning\",\"message\":\"log lines dropped\",\"count\":\(dropped)}\n".utf8))
      }
      put(bytes)
    }
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
      defer { state.dropped = 0 }
      return state.dropped
    }
  }

  private func put(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = Glibc.poll(&poll, 1, 1000)
      } else if errno != EINTR {
        return
      }
    }
  }

  /// Waits, for at most a second, until what was written so far is out. For the end of the process.
  package func flush() {
    let done = DispatchSemaphore(value: 0)
    queue.async {
      self.drain()
      done.signal()
    }
    _ = done.wait(timeout: .now() + 1)
  }
}
