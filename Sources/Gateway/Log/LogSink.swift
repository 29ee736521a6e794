@preconcurrency import Dispatch
import Glibc
import Synchronization

/// Where log lines go: a descriptor that is written on a queue of its own, so that a slow or stuck reader of the log never
/// holds up a loop. At most 1 MiB waits; what does not fit is dropped and counted, and the count is written when there is
/// room again.
package final class LogSink: Sendable {
  private struct State {
    var waiting: [UInt8] = []
    var isScheduled = false
    var dropped = 0
  }

  private static let limit = 1 << 20
  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "log")
  private let descriptor: CInt

  /// - Parameter descriptor: stays the caller's; must outlive the sink.
  package init(descriptor: CInt = 2) { self.descriptor = descriptor }

  /// Adds a line, which ends in a newline. Never waits.
  func write(_ line: String) {
    let mustSchedule = state.withLock { state in
      guard state.waiting.count + line.utf8.count <= Self.limit else {
        state.dropped += 1
        return false
      }
      state.waiting.append(contentsOf: line.utf8)
      defer { state.isScheduled = true }
      return !state.isScheduled
    }
    if mustSchedule { queue.async { self.drain() } }
  }

  private func drain() {
    while true {
      let (bytes, dropped) = state.withLock { state in
        defer {
          state.waiting.removeAll(keepingCapacity: true)
          state.dropped = 0
          if state.waiting.isEmpty && state.dropped == 0 { state.isScheduled = false }
        }
        return (state.waiting, state.dropped)
      }
      if dropped > 0 {
        put(Array("{\"level\":\"warning\",\"message\":\"log lines dropped\",\"count\":\(dropped)}\n".utf8))
      }
      guard !bytes.isEmpty else { return }
      put(bytes)
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
