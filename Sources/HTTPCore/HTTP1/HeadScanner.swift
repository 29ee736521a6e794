import Glibc

/// Finds the end of a message head in bytes that arrive piecemeal. Looks at each byte once.
///
/// Every line must end in CRLF: a bare LF is refused here, as soon as it comes (RFC 9112 section 2.2).
package struct HeadScanner {
  private var scanned = 0
  private var lineStart = 0
  private var lineCount = 0

  package init() {}

  /// - Parameter bytes: all that has come since the head began.
  /// - Returns: how many bytes the head takes, its empty line included, or nil when more must come.
  /// - Throws: 400 for a bare LF or another protocol, 414 for a long start line, 431 for a long head or too many fields.
  package mutating func end(in bytes: UnsafeRawBufferPointer) throws(HTTPParseError) -> Int? {
    if lineCount == 0 { try ForeignProtocol.check(bytes) }
    while scanned < bytes.count {
      // The memory is the caller's and stays for the length of this call.
      guard let start = bytes.baseAddress, let found = memchr(start + scanned, 0x0a, bytes.count - scanned) else {
        scanned = bytes.count
        break
      }
      scanned = UnsafeRawPointer(found) - start
      guard scanned > 0, bytes[scanned - 1] == 0x0d else {
        throw HTTPParseError("a line ends without CR")
      }
      let isEmpty = scanned - 1 == lineStart
      scanned += 1
      if isEmpty { return try checked(scanned) }
      lineStart = scanned
      lineCount += 1
      if lineCount > MessageLimits.fieldCount + 1 { throw HTTPParseError(431, "too many fields") }
      if lineCount == 1 { try checkStartLine(scanned) }
    }
    if lineCount == 0 { try checkStartLine(scanned) }
    _ = try checked(scanned)
    return nil
  }

  private func checked(_ count: Int) throws(HTTPParseError) -> Int {
    if count > MessageLimits.headBytes { throw HTTPParseError(431, "the head is too long") }
    return count
  }

  private func checkStartLine(_ count: Int) throws(HTTPParseError) {
    // Room for the longest method, version and line end beside the target.
    if count > MessageLimits.targetBytes + 64 { throw HTTPParseError(414, "the start line is too long") }
  }
}
