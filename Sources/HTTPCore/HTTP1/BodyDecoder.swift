/// Takes the framing off a message body, without copying: it hands back runs of the bytes that it is given.
package struct BodyDecoder {
  private enum State {
    /// This many bytes of plain body or of the current chunk are to come.
    case data(Int)
    case untilClose
    /// In a chunk's size: its value so far and how many digits there were.
    case size(Int, digits: Int)
    /// In a chunk's extension, this many bytes long so far; the size stands beside.
    case chunkExtension(Int, length: Int)
    /// The LF that ends a size line.
    case sizeLineFeed(Int)
    case dataReturn, dataLineFeed
    /// At the start of a trailer line.
    case trailerStart
    case trailerName
    case trailer
    case trailerLineFeed
    case finalLineFeed
    case complete
    /// Refused once, refused for good: from here on nobody knows what is data and what is framing.
    case broken(HTTPParseError)
  }

  private var state: State
  private let isChunked: Bool
  private var trailerBytes = 0

  package init(_ framing: BodyFraming) {
    isChunked = framing == .chunked
    switch framing {
    case .none: state = .complete
    case .length(let length): state = length > 0 ? .data(length) : .complete
    case .chunked: state = .size(0, digits: 0)
    case .untilClose: state = .untilClose
    }
  }

  /// The whole body has been seen.
  package var isComplete: Bool {
    if case .complete = state { return true }
    return false
  }

  /// How many bytes are still to come, where the framing tells.
  package var remainingLength: Int? {
    if !isChunked, case .data(let count) = state { return count }
    return isComplete ? 0 : nil
  }

  /// Finds the next run of body bytes.
  ///
  /// - Parameters:
  ///   - bytes: what has come.
  ///   - position: where to go on; moved behind what was used.
  /// - Returns: a part of `bytes`, never empty, or nil when `bytes` are used up or the body is complete.
  /// - Throws: 400 for broken chunks (RFC 9112 section 7.1): bare CR or LF, no size, a size beyond 2^63 - 1.
  package mutating func next(in bytes: UnsafeRawBufferPointer, at position: inout Int) throws(HTTPParseError)
    -> UnsafeRawBufferPointer?
  {
    while position < bytes.count {
      switch state {
      case .complete: return nil
      case .untilClose:
        defer { position = bytes.count }
        return UnsafeRawBufferPointer(rebasing: bytes[position...])
      case .data(let left):
        let count = min(left, bytes.count - position)
        state = left > count ? .data(left - count) : isChunked ? .dataReturn : .complete
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
      default:
        do { try step(bytes[position]) } catch {
          state = .broken(error)
          throw error
        }
        position += 1
      }
    }
    return nil
  }

  /// The peer has closed. Throws unless the body was complete, or of the kind that closing ends.
  package mutating func endOfStream() throws(HTTPParseError) {
    if case .untilClose = state { state = .complete }
    guard isComplete else { throw HTTPParseError("the body was cut") }
  }

  private mutating func step(_ byte: UInt8) throws(HTTPParseError) {
    switch state {
    case .size(let size, let digits):
      if let digit = Grammar.hexValue(byte) {
        guard size >> 59 == 0, digits < 16 else { throw HTTPParseError("a chunk size out of range") }
        state = .size(size << 4 | Int(digit), digits: digits + 1)
      } else if digits > 0, byte == 0x0d {
        state = .sizeLineFeed(size)
      } else if digits > 0, byte == UInt8(ascii: ";") {
        state = .chunkExtension(size, length: 1)
      } else {
        throw HTTPParseError("a bad chunk size")
      }
    case .chunkExtension(let size, let length):
      if byte == 0x0d {
        state = .sizeLineFeed(size)
      } else {
        guard Grammar.isFieldContent(byte) else { throw HTTPParseError("a bad chunk extension") }
        guard length < MessageLimits.chunkExtensionBytes else { throw HTTPParseError("a long chunk extension") }
        state = .chunkExtension(size, length: length + 1)
      }
    case .sizeLineFeed(let size):
      try expect(byte, 0x0a, then: size > 0 ? .data(size) : .trailerStart)
    case .dataReturn: try expect(byte, 0x0d, then: .dataLineFeed)
    case .dataLineFeed: try expect(byte, 0x0a, then: .size(0, digits: 0))
    case .trailerStart:
      if byte == 0x0d {
        state = .finalLineFeed
      } else {
        guard Grammar.isToken(byte) else { throw HTTPParseError("a bad trailer") }
        try countTrailer()
        state = .trailerName
      }
    case .trailerName:
      guard byte == UInt8(ascii: ":") || Grammar.isToken(byte) else { throw HTTPParseError("a bad trailer") }
      try countTrailer()
      if byte == UInt8(ascii: ":") { state = .trailer }
    case .trailer:
      if byte == 0x0d {
        state = .trailerLineFeed
      } else {
        guard Grammar.isFieldContent(byte) else { throw HTTPParseError("a bad trailer") }
        try countTrailer()
      }
    case .trailerLineFeed: try expect(byte, 0x0a, then: .trailerStart)
    case .finalLineFeed: try expect(byte, 0x0a, then: .complete)
    case .broken(let error): throw error
    case .data, .untilClose, .complete: break
    }
  }

  private mutating func expect(_ byte: UInt8, _ wanted: UInt8, then next: State) throws(HTTPParseError) {
    guard byte == wanted else { throw HTTPParseError("a chunk line without CRLF") }
    state = next
  }

  private mutating func countTrailer() throws(HTTPParseError) {
    trailerBytes += 1
    if trailerBytes > MessageLimits.trailerBytes { throw HTTPParseError(431, "the trailers are too long") }
  }
}
