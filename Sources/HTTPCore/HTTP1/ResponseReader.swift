extension ResponseHead {
  /// Reads a response head (RFC 9112 section 4), held to the same strictness as requests.
  ///
  /// - Parameters:
  ///   - bytes: the whole head as `HeadScanner` delimited it.
  ///   - method: of the request that this answers; it decides whether there is a body (section 6.3).
  package init(parsing bytes: UnsafeRawBufferPointer, to method: Method) throws(HTTPParseError) {
    let version = try HTTPVersion(in: bytes, at: 0)
    var position = HTTPVersion.byteCount
    guard bytes[position] == 0x20, bytes.count > position + 5 else { throw HTTPParseError("a bad status line") }
    status = 0
    for index in 1...3 {
      guard Grammar.isDigit(bytes[position + index]) else { throw HTTPParseError("a bad status line") }
      status = status * 10 + Int(bytes[position + index] - 0x30)
    }
    guard (100...599).contains(status) else { throw HTTPParseError("a bad status") }
    position += 4
    // The blank before an empty reason phrase is left out by some servers; a fourth digit is none.
    guard bytes[position] == 0x20 || bytes[position] == 0x0d else { throw HTTPParseError("a bad status line") }
    while Grammar.isFieldContent(bytes[position]) { position += 1 }
    guard bytes[position] == 0x0d, bytes[position + 1] == 0x0a else { throw HTTPParseError("a bad status line") }

    let section = try FieldSection(bytes, from: position + 2)
    fields = section.fields
    keepsAlive = section.keepsAlive(isVersion11: version.isVersion11)
    namesHopFields = section.namesOtherOptions
    if section.isChunked && !version.isVersion11 { throw HTTPParseError("Transfer-Encoding in HTTP/1.0") }
    if status < 200 || status == 204 {
      guard !section.isChunked, (section.contentLength ?? 0) == 0 else {
        throw HTTPParseError("a body where none may be")
      }
      framing = .none
    } else if status == 304 || method == .head {
      framing = .none
    } else if section.isChunked {
      framing = .chunked
    } else if let length = section.contentLength {
      framing = length > 0 ? .length(length) : .none
    } else {
      framing = .untilClose
      keepsAlive = false
    }
  }
}
