/// One line of the log, written field by field into memory that is used again by the next: for lines that are written at
/// every request. What comes from outside is escaped. Confined to its owner.
final class LogLine {
  /// More than the fields of a line can take; what would not fit is left out.
  private static let capacity = 16_384
  /// The longest text of one field, bytes before escaping.
  private static let longestText = 512

  private let format: LogFormat
  private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
  private var count = 0

  init(_ format: LogFormat) { self.format = format }

  deinit { memory.deallocate() }

  /// The line. Valid until the next one is begun.
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<count]) }

  /// - Parameter time: of `Timestamp`.
  func begin(_ level: StaticString, _ message: StaticString, at time: UnsafeRawBufferPointer) {
    count = 0
    switch format {
    case .json:
      append("{\"level\":\"")
      append(level)
      append("\",\"message\":\"")
      append(message)
      append("\",\"time\":\"")
      append(time)
      append("\"")
    case .text:
      append(time)
      append(" ")
      append(level)
      append(" ")
      append(message)
    }
  }

  func end() { append(format == .json ? "}\n" : "\n") }

  // MARK: Fields

  /// - Parameter body: writes what needs no escape: printable ASCII without blanks, quotes and backslashes.
  func word(_ name: StaticString, _ body: () -> Void) {
    key(name)
    if format == .json { append("\"") }
    body()
    if format == .json { append("\"") }
  }

  func word(_ name: StaticString, _ text: StaticString) { word(name) { append(text) } }

  func number(_ name: StaticString, _ value: Int) {
    key(name)
    append(UInt64(max(0, value)))
  }

  /// Milliseconds, to the microsecond.
  func milliseconds(_ name: StaticString, _ nanoseconds: UInt64) {
    key(name)
    let microseconds = nanoseconds / 1_000
    append(microseconds / 1_000)
    let rest = microseconds % 1_000
    append(".")
    append(digit: rest / 100)
    append(digit: rest / 10 % 10)
    append(digit: rest % 10)
  }

  /// Text from outside.
  func text(_ name: StaticString, _ text: some StringProtocol) {
    key(name)
    append("\"")
    for (index, scalar) in text.unicodeScalars.enumerated() {
      guard index < Self.longestText else {
        append("...")
        break
      }
      append(escaped: scalar)
    }
    append("\"")
  }

  private func key(_ name: StaticString) {
    append(format == .json ? ",\"" : " ")
    append(name)
    append(format == .json ? "\":" : "=")
  }

  // MARK: Bytes

  func append(_ text: StaticString) {
    append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  func append(_ text: String) {
    var text = text
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
  }

  func append(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count <= memory.count - count else { return }
    UnsafeMutableRawBufferPointer(rebasing: memory[count...]).copyMemory(from: bytes)
    count += bytes.count
  }

  func append(byte: UInt8) {
    guard count < memory.count else { return }
    memory[count] = byte
    count += 1
  }

  private func append(digit: UInt64) { append(byte: UInt8(truncatingIfNeeded: digit) &+ UInt8(ascii: "0")) }

  /// In decimal.
  func append(_ value: UInt64) {
    guard value >= 10 else { return append(digit: value) }
    var digits = 1
    var limit: UInt64 = 10
    while digits < 20, value >= limit {
      digits += 1
      // The twentieth digit is the last one; its limit would overflow.
      if digits < 20 { limit *= 10 }
    }
    guard digits <= memory.count - count else { return }
    var rest = value
    for place in stride(from: count + digits - 1, through: count, by: -1) {
      memory[place] = UInt8(truncatingIfNeeded: rest % 10) &+ UInt8(ascii: "0")
      rest /= 10
    }
    count += digits
  }

  /// In hexadecimal, so many digits.
  func append(hex value: UInt32, digits: Int) {
    for shift in stride(from: 4 * (digits - 1), through: 0, by: -4) {
      let digit = UInt8(truncatingIfNeeded: value >> UInt32(shift)) & 0xf
      append(byte: digit < 10 ? digit &+ UInt8(ascii: "0") : digit &- 10 &+ UInt8(ascii: "a"))
    }
  }

  /// As in a JSON string (RFC 8259 section 7), with all controls escaped.
  private func append(escaped scalar: Unicode.Scalar) {
    switch scalar {
    case "\"": append("\\\"")
    case "\\": append("\\\\")
    case "\n": append("\\n")
    case "\u{0}"..<" ", "\u{7f}"..<"\u{a0}", "\u{2028}"..."\u{2029}":
      append("\\u")
      append(hex: scalar.value, digits: 4)
    default: for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { append(byte: byte) }
    }
  }
}
