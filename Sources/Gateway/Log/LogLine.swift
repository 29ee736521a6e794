/// A field of the lines that are written at every request.
enum LogField: Int, CaseIterable {
  case request, service, repo, method, path, client, identity, status, http, bytes_in, bytes_out, queue_ms, token_ms
  case connect_ms, tls_ms, first_byte_ms, total_ms, retries, cache, end, trace_id, span_id, error, reason

  var name: String { "\(self)" }

  /// Its value is a word or a text, which JSON puts between quotes.
  var isText: Bool {
    switch self {
    case .request, .service, .repo, .method, .path, .client, .identity, .http, .cache, .end, .trace_id, .span_id,
      .error, .reason:
      true
    case .status, .bytes_in, .bytes_out, .queue_ms, .token_ms, .connect_ms, .tls_ms, .first_byte_ms, .total_ms,
      .retries:
      false
    }
  }
}

/// One line of the log, written field by field into memory that is used again by the next: for lines that are written at
/// every request. What comes from outside is escaped. Confined to its owner.
final class LogLine {
  /// More than the fields of a line can take; what would not fit is left out.
  private static let capacity = 16_384
  /// The longest text of one field, characters.
  private static let longestText = 512

  private let format: LogFormat
  private let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
  private var count = 0
  /// What stands before the value of each field, by its place among all: one copy writes it.
  private let prefixes: [[UInt8]]

  init(_ format: LogFormat) {
    self.format = format
    prefixes = LogField.allCases.map { field in
      switch format {
      case .json: Array(",\"\(field.name)\":\(field.isText ? "\"" : "")".utf8)
      case .text: Array(" \(field.name)=".utf8)
      }
    }
  }

  deinit { memory.deallocate() }

  /// The line. Valid until the next one is begun.
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory, count: count) }

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

  /// Begins a field whose value needs no escape: printable ASCII without blanks, quotes and backslashes.
  func key(_ field: LogField) { prefixes[field.rawValue].withUnsafeBytes { append($0) } }

  /// Ends a word that `key` began.
  func endWord() { if format == .json { append(byte: UInt8(ascii: "\"")) } }

  func word(_ field: LogField, _ text: StaticString) {
    key(field)
    append(text)
    endWord()
  }

  func word(_ field: LogField, _ text: String) {
    key(field)
    append(text)
    endWord()
  }

  func number(_ field: LogField, _ value: Int) {
    key(field)
    append(UInt64(max(0, value)))
  }

  /// Milliseconds, to the microsecond.
  func milliseconds(_ field: LogField, _ nanoseconds: UInt64) {
    key(field)
    let microseconds = nanoseconds / 1_000
    append(microseconds / 1_000)
    let rest = microseconds % 1_000
    append(byte: UInt8(ascii: "."))
    append(digit: rest / 100)
    append(digit: rest / 10 % 10)
    append(digit: rest % 10)
  }

  /// Text from outside.
  func text(_ field: LogField, _ text: some StringProtocol) {
    key(field)
    if format == .text { append(byte: UInt8(ascii: "\"")) }
    for (index, scalar) in text.unicodeScalars.enumerated() {
      guard index < Self.longestText else {
        append("...")
        break
      }
      append(escaped: scalar)
    }
    append(byte: UInt8(ascii: "\""))
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
    guard let start = bytes.baseAddress, bytes.count <= Self.capacity - count else { return }
    UnsafeMutableRawPointer(memory + count).copyMemory(from: start, byteCount: bytes.count)
    count += bytes.count
  }

  func append(byte: UInt8) {
    guard count < Self.capacity else { return }
    memory[count] = byte
    count += 1
  }

  private func append(digit: UInt64) { append(byte: UInt8(truncatingIfNeeded: digit) &+ UInt8(ascii: "0")) }

  /// In decimal.
  func append(_ value: UInt64) {
    guard value >= 10 else { return append(digit: value) }
    var digits = 1
    var rest = value
    while rest >= 10 {
      rest /= 10
      digits += 1
    }
    guard digits <= Self.capacity - count else { return }
    rest = value
    var place = count + digits
    while place > count {
      place -= 1
      memory[place] = UInt8(truncatingIfNeeded: rest % 10) &+ UInt8(ascii: "0")
      rest /= 10
    }
    count += digits
  }

  /// In hexadecimal, so many digits.
  func append(hex value: UInt32, digits: Int) {
    var shift = UInt32(4 * digits)
    while shift > 0 {
      shift -= 4
      let digit = UInt8(truncatingIfNeeded: value >> shift) & 0xf
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
