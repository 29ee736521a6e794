/// Where heads are written: a block of memory of fixed size that its owner lends for as long as this value is used.
package struct HeadWriter {
  private let block: UnsafeMutableRawBufferPointer
  /// How much of the block is filled.
  package private(set) var count: Int
  /// Something did not fit and was left out: the head must not be sent.
  package private(set) var isOverrun = false

  /// Writes behind what `count` bytes of `block` hold already.
  package init(_ block: UnsafeMutableRawBufferPointer, count: Int = 0) {
    self.block = block
    self.count = count
  }

  package mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count <= block.count - count else {
      isOverrun = true
      return
    }
    UnsafeMutableRawBufferPointer(rebasing: block[count...]).copyMemory(from: bytes)
    count += bytes.count
  }

  package mutating func append(_ text: StaticString) {
    append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  private mutating func append(text: String) {
    var text = text
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
  }

  /// Writes a value. What cannot stand in one becomes a blank (RFC 9110 section 5.5): no text, wherever it comes from, can
  /// end its line.
  private mutating func append(value: String) {
    let start = count
    append(text: value)
    for index in start..<count where !Grammar.isFieldContent(block[index]) { block[index] = 0x20 }
  }

  package mutating func append(_ number: Int) {
    withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { digits in
      var start = digits.count
      var rest = number.magnitude
      repeat {
        start -= 1
        digits[start] = UInt8(truncatingIfNeeded: rest % 10) + 0x30
        rest /= 10
      } while rest > 0
      append(UnsafeRawBufferPointer(rebasing: digits[start...]))
    }
  }

  /// The size line of a chunk.
  package mutating func appendChunkSize(_ size: Int) {
    withUnsafeTemporaryAllocation(byteCount: 16, alignment: 1) { digits in
      var start = digits.count
      var rest = UInt(size)
      repeat {
        start -= 1
        let digit = UInt8(truncatingIfNeeded: rest & 15)
        digits[start] = digit < 10 ? digit + 0x30 : digit + 0x57
        rest >>= 4
      } while rest > 0
      append(UnsafeRawBufferPointer(rebasing: digits[start...]))
    }
    append("\r\n")
  }

  /// Writes a field. A control character in `value` becomes a blank.
  package mutating func append(_ name: FieldName, _ value: String) {
    append(name.bytes)
    append(": ")
    append(value: value)
    append("\r\n")
  }

  /// Writes a field line, as `Fields.forEachLine` lends it, and its CRLF.
  package mutating func append(line: UnsafeRawBufferPointer) {
    guard line.count + 2 <= block.count - count, let base = block.baseAddress else {
      isOverrun = true
      return
    }
    UnsafeMutableRawBufferPointer(rebasing: block[count...]).copyMemory(from: line)
    count += line.count
    base.storeBytes(of: 0x0d, toByteOffset: count, as: UInt8.self)
    base.storeBytes(of: 0x0a, toByteOffset: count + 1, as: UInt8.self)
    count += 2
  }

  package mutating func append(_ fields: Fields) {
    fields.forEachLine { _, line in append(line: line) }
  }

  /// Begins a request: its line and, if the framing tells one, its framing field. Fields and `end()` follow.
  package mutating func begin(_ method: Method, _ target: String, _ framing: BodyFraming) {
    append(text: method.rawValue)
    append(" ")
    append(text: PercentCoding.clean(target: target))
    append(" HTTP/1.1\r\n")
    // A POST without a body says so (RFC 9110 section 8.6).
    append(framing, saysNone: method == .post || method == .put || method == .patch)
  }

  /// Begins a response: its line and framing field. Fields and `end()` follow.
  package mutating func begin(status: Int, _ framing: BodyFraming) {
    append("HTTP/1.1 ")
    append(status)
    append(" ")
    append(Status.phrase(status))
    append("\r\n")
    append(framing, saysNone: status >= 200 && status != 204 && status != 304)
  }

  private mutating func append(_ framing: BodyFraming, saysNone: Bool) {
    switch framing {
    case .none: if saysNone { append("content-length: 0\r\n") }
    case .length(let length):
      append("content-length: ")
      append(length)
      append("\r\n")
    case .chunked: append("transfer-encoding: chunked\r\n")
    case .untilClose: break
    }
  }

  /// The empty line.
  package mutating func end() { append("\r\n") }
}
