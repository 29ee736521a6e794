import EventLoop

/// The time as logs write it, ISO 8601 in UTC with milliseconds. The date is worked out once a second. Confined to its owner.
final class Timestamp {
  /// `2026-01-31T23:59:59.000Z`
  private let text = UnsafeMutableRawBufferPointer.allocate(byteCount: 24, alignment: 8)
  private var second = Int.min

  deinit { text.deallocate() }

  /// - Parameter now: seconds since 1970.
  /// - Returns: the text, valid until the next call.
  func write(_ now: Double) -> UnsafeRawBufferPointer {
    let milliseconds = Int(now * 1_000)
    let current = milliseconds / 1_000
    if current != second {
      second = current
      writeDate(current)
    }
    put(milliseconds % 1_000, at: 20, digits: 3)
    return UnsafeRawBufferPointer(text)
  }

  /// The same for once. The text is valid inside `body` only.
  static func withText<Result>(_ now: Double, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    let timestamp = Timestamp()
    return withExtendedLifetime(timestamp) { body(timestamp.write(now)) }
  }

  private func writeDate(_ second: Int) {
    let parts = CalendarTime(secondsSince1970: second)
    text.copyBytes(from: "0000-00-00T00:00:00.000Z".utf8)
    put(parts.year, at: 0, digits: 4)
    put(parts.month, at: 5, digits: 2)
    put(parts.day, at: 8, digits: 2)
    put(parts.hour, at: 11, digits: 2)
    put(parts.minute, at: 14, digits: 2)
    put(parts.second, at: 17, digits: 2)
  }

  private func put(_ number: Int, at offset: Int, digits: Int) {
    var rest = number
    for place in stride(from: offset + digits - 1, through: offset, by: -1) {
      text[place] = UInt8(truncatingIfNeeded: rest % 10) &+ UInt8(ascii: "0")
      rest /= 10
    }
  }
}
