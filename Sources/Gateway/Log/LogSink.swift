import Glibc

/// Where log lines go: a descriptor that is written on a queue of its own, so that a slow or stuck reader of the log never
/// holds up a loop. At most 1 MiB waits, beside as much that is being written; what does not fit is dropped and counted, and
/// the count is written when there is room again.
package final class LogSink: Sendable {
  private static let limit = 1 << 20

  private let lines: LineQueue

  /// - Parameter descriptor: stays the caller's; must outlive the sink.
  package init(descriptor: CInt = 2) {
    lines = LineQueue(label: "log", byteLimit: Self.limit) { lines, dropped in
      if dropped > 0 {
        let notice = "{\"level\":\"warning\",\"message\":\"log lines dropped\",\"count\":\(dropped)}\n"
        _ = Self.write(Array(notice.utf8)[...], to: descriptor)
      }
      _ = Self.write(lines[...], to: descriptor)
    }
  }

  /// Lines that found no room since the start.
  package var droppedCount: Int { lines.droppedCount }

  /// Adds a line, which ends in a newline. Never waits.
  func write(_ line: String) {
    var line = line
    line.withUTF8 { write(UnsafeRawBufferPointer($0), lineCount: 1) }
  }

  /// The same for so many whole lines. They stay together, or are dropped together.
  func write(_ lines: UnsafeRawBufferPointer, lineCount: Int) { self.lines.add(lines, lineCount: lineCount) }

  /// Waits, for at most a second, until what was written so far is out. For the end of the process.
  package func flush() { lines.flush() }

  /// Writes to a descriptor, and waits while it takes nothing.
  /// - Returns: what could not be written, with `errno` set; nothing when all was.
  static func write(_ bytes: ArraySlice<UInt8>, to descriptor: CInt) -> ArraySlice<UInt8> {
    var rest = bytes
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if count < 0, errno == EAGAIN {
        var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = Glibc.poll(&poll, 1, 1000)
      } else if count == 0 || errno != EINTR {
        return rest
      }
    }
    return rest
  }
}
