package import EventLoop
import Glibc
import Synchronization

/// Who did what, for those who must answer for it: one JSON object a line, in a file of its own. Written on a queue of its own
/// and never waited for: at most 4,096 lines or 4 MiB wait, beside as much that is being written. Lines that find no room, or
/// that the disk does not take, are counted, and the file says how many they were as soon as it takes lines again.
package final class AuditLog: Sendable {
  private static let byteLimit = 4 << 20
  private static let lineLimit = 4_096

  private let output: Output
  private let lines: LineQueue

  /// - Parameters:
  ///   - limit: bytes from which on another file is begun; zero for never.
  ///   - onTrouble: told, once until lines are written again, that some cannot be.
  /// - Throws: when the file cannot be opened or made.
  package init(
    _ path: String, limit: Int, onTrouble: @escaping @Sendable (String) -> Void
  ) throws(SystemError) {
    let output = Output(try AuditFile(path, limit: limit), onTrouble)
    self.output = output
    lines = LineQueue(label: "audit", byteLimit: Self.byteLimit, lineLimit: Self.lineLimit) { output.write($0, $1) }
  }

  /// Lines lost since the start.
  package var lostCount: Int { lines.droppedCount + output.failedCount }

  /// Adds a line. Never waits.
  func write(_ event: AuditEvent) {
    event.line(at: WallClock.now).withUnsafeBytes { lines.add($0) }
  }

  /// Opens the file by its name again, as after a rotation by somebody else. That is noticed without this, too.
  package func reopen() { output.reopen() }

  /// Waits, for at most a second, until what was added so far is written.
  package func flush() { lines.flush() }

  /// The end of the queue.
  private final class Output: Sendable {
    private struct State: ~Copyable {
      var file: AuditFile
      /// Lines of which the file does not know yet that they are lost.
      var lost = 0
      var isTroubled = false
    }

    private let state: Mutex<State>
    private let failed = Atomic<Int>(0)
    private let onTrouble: @Sendable (String) -> Void

    init(_ file: consuming AuditFile, _ onTrouble: @escaping @Sendable (String) -> Void) {
      state = Mutex(State(file: file))
      self.onTrouble = onTrouble
    }

    var failedCount: Int { failed.load(ordering: .relaxed) }

    func write(_ lines: [UInt8], _ dropped: Int) {
      let trouble: CInt? = state.withLock { state in
        state.lost += dropped
        var left = lines[...]
        if state.lost == 0 || state.file.append(AuditEvent.lost(state.lost).line(at: WallClock.now)[...]).isEmpty {
          state.lost = 0
          left = state.file.append(lines[...])
        }
        guard !left.isEmpty else {
          state.isTroubled = false
          return nil
        }
        let code = errno
        let count = left.count { $0 == UInt8(ascii: "\n") }
        failed.add(count, ordering: .relaxed)
        state.lost += count
        defer { state.isTroubled = true }
        return state.isTroubled ? nil : code
      }
      if let trouble { onTrouble(SystemError.message(trouble)) }
    }

    func reopen() { state.withLock { $0.file.reopen() } }
  }
}
