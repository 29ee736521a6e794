/// Reads the field lines of a head (RFC 9112 section 5), and what the fields say about framing.
struct FieldSection {
  private(set) var fields = Fields()
  private(set) var contentLength: Int?
  private(set) var isChunked = false
  private var hasTransferEncoding = false
  /// A transfer coding beside `chunked` was named.
  private var hasUnknownCoding = false
  private(set) var hostCount = 0
  /// The value of the last Host, as a range of the head.
  private(set) var host: Range<Int>?
  private(set) var connectionCloses = false
  private(set) var connectionKeepsAlive = false
  /// `Connection` names something else than those two.
  private(set) var namesOtherOptions = false
  private var entries: [Fields.Entry] = []
  /// The first value of `Expect` is not `100-continue`.
  private(set) var expectation: Expectation = .none

  enum Expectation { case none, `continue`, unknown }

  /// - Parameters:
  ///   - bytes: the whole head, its empty line included.
  ///   - start: where the first field line begins.
  /// - Throws: 400 for bad syntax and ambiguous framing, 501 for a transfer coding other than `chunked`.
  init(_ bytes: UnsafeRawBufferPointer, from start: Int) throws(HTTPParseError) {
    entries.reserveCapacity(16)
    var position = start
    while bytes[position] != 0x0d {
      position = try readLine(bytes, from: position)
    }
    // A bare CR at the start of a line is not the end.
    guard position == bytes.count - 2 else { throw HTTPParseError("a bare CR") }
    if contentLength != nil && hasTransferEncoding {
      throw HTTPParseError("Content-Length beside Transfer-Encoding")
    }
    // Told last: what is ambiguous besides is worse.
    if hasUnknownCoding { throw HTTPParseError(501, "a transfer coding other than chunked") }
    fields = Fields(copying: bytes, entries)
  }

  /// Reads one line. Returns where the next begins.
  private mutating func readLine(_ bytes: UnsafeRawBufferPointer, from start: Int) throws(HTTPParseError) -> Int {
    var position = start
    var isOdd = false
    while Grammar.isToken(bytes[position]) {
      if bytes[position] == UInt8(ascii: "_") || bytes[position] == UInt8(ascii: ".") { isOdd = true }
      position += 1
    }
    guard bytes[position] == UInt8(ascii: ":"), position > start else {
      let isFold = position == start && (bytes[position] == 0x20 || bytes[position] == 0x09)
      throw HTTPParseError(isFold ? "a folded field line" : "a bad field name")
    }
    let name = UnsafeRawBufferPointer(rebasing: bytes[start..<position])
    position += 1
    while bytes[position] == 0x20 || bytes[position] == 0x09 { position += 1 }
    let valueStart = position
    position = Grammar.endOfFieldContent(in: bytes, from: position)
    guard bytes[position] == 0x0d, bytes[position + 1] == 0x0a else {
      throw HTTPParseError("a control character in a field value")
    }
    var valueEnd = position
    while valueEnd > valueStart, bytes[valueEnd - 1] == 0x20 || bytes[valueEnd - 1] == 0x09 { valueEnd -= 1 }
    // Names that some servers fold into one another are nobody's: `content_length`, `x.y`.
    if !isOdd {
      entries.append(
        Fields.Entry(
          nameStart: UInt32(start), nameLength: UInt32(name.count), valueStart: UInt32(valueStart),
          valueLength: UInt32(valueEnd - valueStart)))
      if name.count == 4, Self.equal(name, .host) {
        hostCount += 1
        host = valueStart..<valueEnd
      } else {
        try take(name, UnsafeRawBufferPointer(rebasing: bytes[valueStart..<valueEnd]))
      }
    }
    return position + 2
  }

  private mutating func take(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(HTTPParseError) {
    switch name.count {
    case 6 where Self.equal(name, "expect"):
      expectation = expectation == .none && Self.equal(value, "100-continue") ? .continue : .unknown
    case 10 where Self.equal(name, "connection"): try takeConnection(value)
    case 14 where Self.equal(name, "content-length"):
      guard contentLength == nil else { throw HTTPParseError("more than one Content-Length") }
      contentLength = try Self.length(value)
    case 17 where Self.equal(name, "transfer-encoding"):
      guard !hasTransferEncoding else { throw HTTPParseError("more than one Transfer-Encoding") }
      hasTransferEncoding = true
      try takeTransferEncoding(value)
    default: break
    }
  }

  /// Transfer codings (RFC 9112 section 6.1): `chunked` exactly once and last, or nobody knows where the body ends. Any
  /// other before it is not undone here.
  private mutating func takeTransferEncoding(_ value: UnsafeRawBufferPointer) throws(HTTPParseError) {
    var last = UnsafeRawBufferPointer(rebasing: value[..<0])
    for part in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      guard !isChunked else { throw HTTPParseError("chunked is not the last transfer coding") }
      last = Self.trimmed(UnsafeRawBufferPointer(rebasing: part))
      isChunked = Self.equal(last, "chunked")
      // A parameter may follow the name of a coding.
      guard let first = last.first, Grammar.isToken(first) else { throw HTTPParseError("a bad Transfer-Encoding") }
      if !isChunked { hasUnknownCoding = true }
    }
    guard isChunked else { throw HTTPParseError("chunked is not the last transfer coding") }
  }

  /// `Connection` options (RFC 9110 section 7.6.1). One that names a field of framing or routing is refused.
  private mutating func takeConnection(_ value: UnsafeRawBufferPointer) throws(HTTPParseError) {
    for option in value.split(separator: UInt8(ascii: ",")) {
      let option = Self.trimmed(UnsafeRawBufferPointer(rebasing: option))
      if Self.equal(option, "close") {
        connectionCloses = true
      } else if Self.equal(option, "keep-alive") {
        connectionKeepsAlive = true
      } else if Self.isOfFraming(option) {
        throw HTTPParseError("Connection names a framing field")
      } else if !option.isEmpty {
        guard option.allSatisfy(Grammar.isToken) else { throw HTTPParseError("a bad Connection") }
        namesOtherOptions = true
      }
    }
  }

  /// The fields that say where a message ends, where it goes and how its body is to be read: no hop may take them away.
  private static func isOfFraming(_ name: UnsafeRawBufferPointer) -> Bool {
    switch name.count {
    case 4: equal(name, .host)
    case 6: equal(name, .expect)
    case 10: equal(name, .connection)
    case 14: equal(name, .contentLength)
    case 16: equal(name, .contentEncoding)
    case 17: equal(name, .transferEncoding)
    default: false
    }
  }

  private static func trimmed(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    var bytes = bytes
    while let first = bytes.first, first == 0x20 || first == 0x09 { bytes = .init(rebasing: bytes.dropFirst()) }
    while let last = bytes.last, last == 0x20 || last == 0x09 { bytes = .init(rebasing: bytes.dropLast()) }
    return bytes
  }

  /// `Content-Length`: digits only, up to 2^63 - 1. No list, no sign.
  private static func length(_ value: UnsafeRawBufferPointer) throws(HTTPParseError) -> Int {
    guard !value.isEmpty, value.count <= 19 else { throw HTTPParseError("a bad Content-Length") }
    var length = 0
    for byte in value {
      guard Grammar.isDigit(byte) else { throw HTTPParseError("a bad Content-Length") }
      let (product, overflow) = length.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int(byte - 0x30))
      guard !overflow, !carry else { throw HTTPParseError("a bad Content-Length") }
      length = sum
    }
    return length
  }

  /// Compares ASCII without regard to case; `lower` is lower-case.
  static func equal(_ bytes: UnsafeRawBufferPointer, _ lower: FieldName) -> Bool {
    let other = lower.bytes
    guard bytes.count == other.count else { return false }
    for index in 0..<bytes.count {
      let byte = bytes[index] &- 0x41 < 26 ? bytes[index] | 0x20 : bytes[index]
      if byte != other[index] { return false }
    }
    return true
  }

  /// Whether the connection goes on after this message (RFC 9112 section 9.3).
  func keepsAlive(isVersion11: Bool) -> Bool { !connectionCloses && (isVersion11 || connectionKeepsAlive) }
}
