/// A field of the lines that are written at every request.
enum LogField: Int, CaseIterable {
  case request, service, repo, method, path, client, identity, rule, status, http, bytes_in, bytes_out, queue_ms,
    token_ms
  case connect_ms, tls_ms, first_byte_ms, total_ms, retries, cache, end, trace_id, span_id, error, reason

  var name: String { "\(self)" }

  /// Its value is a word or a text, which JSON puts between quotes.
  var isText: Bool {
    switch self {
    case .request, .service, .repo, .method, .path, .client, .identity, .rule, .http, .cache, .end, .trace_id, .span_id,
      .error, .reason:
      true
    case .status, .bytes_in, .bytes_out, .queue_ms, .token_ms, .connect_ms, .tls_ms, .first_byte_ms, .total_ms,
      .retries:
      false
    }
  }
}

/// Lines of the log about requests, written field by field, one behind the other, until somebody takes them all. What comes
/// from outside is escaped. Confined to its owner.
final class LogLine {
  /// More than the fields of a line can take; what would not fit is left out.
  private static let lineLimit = 16_384
  /// Bytes of whole lines from which on they should be taken.
  private static let fullCount = 32_768
  /// The longest text of one field, characters.
  private static let longestText = 512
  /// Bytes of a constant piece, at most: as many are copied, and those that are none of it are written over.
  private static let slot = MemoryLayout<SIMD64<UInt8>>.size

  private let format: LogFormat
  /// Owned, as are the other two: freed by `deinit`, and touched by the owner only.
  private let memory = UnsafeMutableRawPointer.allocate(
    byteCount: fullCount + lineLimit + slot, alignment: slot)
  private var count = 0
  /// Where the line that is being written must end.
  private var limit = 0
  private(set) var lineCount = 0

  /// Constant pieces, each in a slot: what stands before the value of each field, by its place among all; then whole
  /// fields that have few values; what stands before and behind the time, for a line of a request that went well and for one that did not.
  private let pieces: UnsafeMutableRawPointer
  private let lengths: UnsafeMutablePointer<Int>
  private static let firstService = LogField.allCases.count
  private static let firstVersion = firstService + RequestService.allCases.count
  private static let goodEnd = firstVersion + 3
  private static let firstHead = goodEnd + 1

  init(_ format: LogFormat) {
    self.format = format
    var texts = LogField.allCases.map { field in
      switch format {
      case .json: ",\"\(field.name)\":\(field.isText ? "\"" : "")"
      case .text: " \(field.name)="
      }
    }
    let words =
      RequestService.allCases.map { (LogField.service, $0.rawValue) }
      + [(LogField.http, "1.0"), (.http, "1.1"), (.http, "2"), (.end, Termination.none.description)]
    texts += words.map { texts[$0.rawValue] + $1 + (format == .json ? "\"" : "") }
    for level in ["info", "warning"] {
      switch format {
      case .json: texts += ["{\"level\":\"\(level)\",\"message\":\"request\",\"time\":\"", "\""]
      case .text: texts += ["", " \(level) request"]
      }
    }
    pieces = .allocate(byteCount: texts.count * Self.slot, alignment: Self.slot)
    lengths = .allocate(capacity: texts.count)
    for (index, text) in texts.enumerated() {
      let slot = UnsafeMutableRawBufferPointer(start: pieces + index * Self.slot, count: Self.slot)
      slot.initializeMemory(as: UInt8.self, repeating: 0)
      slot.copyBytes(from: text.utf8)
      (lengths + index).initialize(to: text.utf8.count)
    }
  }

  deinit {
    memory.deallocate()
    pieces.deallocate()
    lengths.deallocate()
  }

  /// The lines. Valid until the next change.
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory, count: count) }

  /// There should not be any more lines before these are taken.
  var isFull: Bool { count >= Self.fullCount }

  /// Begins anew, when the lines have been taken.
  func removeAll() { (count, lineCount) = (0, 0) }

  /// Begins a line. Not to be called when it is full.
  /// - Parameters:
  ///   - isGood: at level info; else it is a warning.
  ///   - time: of `Timestamp`.
  func begin(isGood: Bool, at time: UnsafeRawBufferPointer) {
    limit = count + Self.lineLimit
    lineCount += 1
    let head = Self.firstHead + (isGood ? 0 : 2)
    append(piece: head)
    append(time)
    append(piece: head + 1)
  }

  /// Ends it. There is room: fields leave out what is too much for a line, and a few bytes less.
  func end() {
    limit += Self.slot
    append(format == .json ? "}\n" : "\n")
  }

  /// One copy of a fixed size, which is cheaper than one of the right size.
  private func append(piece: Int) {
    guard count <= limit - Self.slot else { return }
    let bytes = pieces.load(fromByteOffset: piece * Self.slot, as: SIMD64<UInt8>.self)
    memory.storeBytes(of: bytes, toByteOffset: count, as: SIMD64<UInt8>.self)
    count += lengths[piece]
  }

  // MARK: Fields

  /// Begins a field whose value needs no escape: printable ASCII without blanks, quotes and backslashes.
  func key(_ field: LogField) { append(piece: field.rawValue) }

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

  func service(_ service: RequestService) { append(piece: Self.firstService + service.index) }

  /// - Parameter version: 0 for HTTP/1.0, 1 for 1.1, 2 for 2.
  func http(version: Int) { append(piece: Self.firstVersion + version) }

  /// That all went well.
  func goodEnd() { append(piece: Self.goodEnd) }

  func number(_ field: LogField, _ value: Int) {
    key(field)
    append(UInt64(max(0, value)))
  }

  /// Milliseconds, to the microsecond.
  func milliseconds(_ field: LogField, _ nanoseconds: UInt64) {
    key(field)
    let microseconds = nanoseconds / 1_000
    append(microseconds / 1_000)
    guard count <= limit - 4 else { return }
    let rest = UInt32(truncatingIfNeeded: microseconds % 1_000)
    // A point and three digits, the first in the lowest byte.
    let digits = (rest / 100) << 8 | (rest / 10 % 10) << 16 | (rest % 10) << 24
    memory.storeBytes(of: (digits | 0x3030_302e).littleEndian, toByteOffset: count, as: UInt32.self)
    count += 4
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
    guard let start = bytes.baseAddress, bytes.count <= limit - count else { return }
    (memory + count).copyMemory(from: start, byteCount: bytes.count)
    count += bytes.count
  }

  func append(byte: UInt8) {
    guard count < limit else { return }
    memory.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    count += 1
  }

  private func append(digit: UInt64) { append(byte: UInt8(truncatingIfNeeded: digit) &+ UInt8(ascii: "0")) }

  /// In decimal.
  func append(_ value: UInt64) {
    guard value >= 10 else { return append(digit: value) }
    var digits = 2
    var bound: UInt64 = 100
    while digits < 20, value >= bound {
      digits += 1
      bound = bound &* 10
    }
    guard digits <= limit - count else { return }
    var rest = value
    var place = count + digits
    while place > count {
      place -= 1
      let digit = UInt8(truncatingIfNeeded: rest % 10) &+ UInt8(ascii: "0")
      memory.storeBytes(of: digit, toByteOffset: place, as: UInt8.self)
      rest /= 10
    }
    count += digits
  }

  /// In hexadecimal, so many digits.
  func append(hex value: UInt32, digits: Int) {
    guard digits <= limit - count else { return }
    var rest = value
    var place = count + digits
    while place > count {
      place -= 1
      let digit = UInt8(truncatingIfNeeded: rest) & 0xf
      memory.storeBytes(
        of: digit &+ (digit < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") &- 10), toByteOffset: place, as: UInt8.self)
      rest >>= 4
    }
    count += digits
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
