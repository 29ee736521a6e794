import HTTPCore

/// What the program's own readers make of the bytes of a connection that come in pieces of a given size.
struct HTTPReading: Equatable {
  struct Message: Equatable {
    /// Method, or status.
    var start: String
    var target: String
    var fields: [[UInt8]]
    var body: [UInt8]
    var isWhole: Bool
  }

  var messages: [Message] = []
  /// Bytes used up to the end of each whole message.
  var ends: [Int] = []
  /// With what the reader refused to go on.
  var refusal: Int?

  private struct Head {
    var message: Message
    var framing: BodyFraming
    var goesOn: Bool
  }

  /// Empty lines before a request are passed over as a server does.
  static func requests(_ bytes: [UInt8], inPiecesOf size: Int) -> HTTPReading {
    read(bytes, size, passingOver: 2) { bytes throws(HTTPParseError) in
      let head = try RequestHead(parsing: bytes)
      return Head(
        message: Message(
          start: head.method.rawValue, target: head.target, fields: lines(of: head.fields), body: [], isWhole: false),
        framing: head.framing, goesOn: true)
    }
  }

  static func responses(_ bytes: [UInt8], to method: HTTPCore.Method, inPiecesOf size: Int) -> HTTPReading {
    read(bytes, size, passingOver: 0) { bytes throws(HTTPParseError) in
      let head = try ResponseHead(parsing: bytes, to: method)
      return Head(
        message: Message(
          start: "\(head.status)", target: "", fields: lines(of: head.fields), body: [], isWhole: false),
        framing: head.framing, goesOn: head.framing != .untilClose)
    }
  }

  private static func lines(of fields: Fields) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    fields.forEach { lines.append(Array($0) + [0x3a] + Array($1)) }
    return lines
  }

  private static func read(
    _ bytes: [UInt8], _ size: Int, passingOver emptyLines: Int,
    _ parse: (UnsafeRawBufferPointer) throws(HTTPParseError) -> Head
  ) -> HTTPReading {
    var reading = HTTPReading()
    var start = 0
    do throws(HTTPParseError) {
      while start < bytes.count {
        var lines = emptyLines
        while lines > 0, bytes.count - start >= 2, bytes[start] == 13, bytes[start + 1] == 10 {
          start += 2
          lines -= 1
        }
        guard let (head, length) = try head(bytes[start...], size, parse) else { return reading }
        start += length
        reading.messages.append(head.message)
        start += try reading.readBody(bytes[start...], size, head.framing)
        guard reading.messages[reading.messages.count - 1].isWhole else { return reading }
        reading.ends.append(start)
        guard head.goesOn else { return reading }
      }
    } catch {
      reading.refusal = error.status
    }
    return reading
  }

  private static func head(
    _ bytes: ArraySlice<UInt8>, _ size: Int, _ parse: (UnsafeRawBufferPointer) throws(HTTPParseError) -> Head
  ) throws(HTTPParseError) -> (Head, Int)? {
    var scanner = HeadScanner()
    var count = 0
    while count < bytes.count {
      count = min(bytes.count, count + size)
      let result: Result<(Head, Int)?, HTTPParseError> = withBlock(bytes.prefix(count)) { block in
        do throws(HTTPParseError) {
          guard let end = try scanner.end(in: block) else { return .success(nil) }
          return .success(try withExactly(block, end, parse))
        } catch {
          return .failure(error)
        }
      }
      if let found = try result.get() { return found }
    }
    return nil
  }

  private static func withExactly(
    _ block: UnsafeRawBufferPointer, _ end: Int, _ parse: (UnsafeRawBufferPointer) throws(HTTPParseError) -> Head
  ) throws(HTTPParseError) -> (Head, Int) {
    let result: Result<Head, HTTPParseError> = withBlock(block[..<end]) { head in
      do throws(HTTPParseError) { return .success(try parse(head)) } catch { return .failure(error) }
    }
    return (try result.get(), end)
  }

  /// Reads one body. Returns how many bytes it took.
  private mutating func readBody(_ bytes: ArraySlice<UInt8>, _ size: Int, _ framing: BodyFraming) throws(HTTPParseError)
    -> Int
  {
    var decoder = BodyDecoder(framing)
    var used = 0
    let last = messages.count - 1
    while !decoder.isComplete, used < bytes.count {
      let piece = bytes.dropFirst(used).prefix(size)
      let failure: HTTPParseError? = withBlock(piece) { block in
        var position = 0
        defer { used += position }
        do throws(HTTPParseError) {
          while let run = try decoder.next(in: block, at: &position) { messages[last].body += run }
          return nil
        } catch {
          return error
        }
      }
      if let failure { throw failure }
    }
    if used == bytes.count { try? decoder.endOfStream() }
    messages[last].isWhole = decoder.isComplete
    return used
  }
}
