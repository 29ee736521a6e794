/// A second reader of HTTP/1.1, written to be plainly right and nothing else. It shares no line with the program's own, so
/// that the two agreeing means something.
package enum PlainReader {
  package struct Message: Equatable, Sendable {
    /// The three parts of the start line.
    package var start: [String]
    /// Lower-case names.
    package var fields: [Field]
    package var body: [UInt8]
    /// Bytes that it takes.
    package var length: Int

    package var method: String { start[0] }
    /// The target without scheme and authority.
    package var target: String {
      for scheme in ["http://", "https://"] where start[1].lowercased().hasPrefix(scheme) {
        let path = start[1].dropFirst(scheme.count).drop { $0 != "/" && $0 != "?" }
        return path.hasPrefix("/") ? String(path) : "/" + path
      }
      return start[1]
    }

    package func values(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }
  }

  package struct Field: Equatable, Sendable {
    package var name: String
    package var value: String
  }

  package enum Outcome: Equatable, Sendable {
    case message(Message)
    case incomplete
    case bad(String)
  }

  private struct Bad: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
  }

  /// Reads the request that `bytes` begin with.
  package static func request(in bytes: [UInt8]) -> Outcome {
    read(bytes) { head throws(Bad) in
      guard isVersion1(head.start[2]) else { throw Bad("the version") }
      return .length(0)
    }
  }

  /// Reads the response that `bytes` begin with. A body that ends with the connection is taken to be all there is.
  package static func response(in bytes: [UInt8], toHead isToHead: Bool) -> Outcome {
    read(bytes) { head throws(Bad) in
      guard isVersion1(head.start[0]), let status = Int(head.start[1]) else {
        throw Bad("the status line")
      }
      return isToHead || status < 200 || status == 204 || status == 304 ? .none : .rest
    }
  }

  /// `HTTP/1.` and a digit; those above 1 are read as 1.1 (RFC 9110 section 2.5).
  private static func isVersion1(_ text: String) -> Bool {
    text.count == 8 && text.hasPrefix("HTTP/1.") && "0123456789".contains(text.last ?? "x")
  }

  private enum Body { case none, length(Int), rest }

  private static func read(_ bytes: [UInt8], _ body: (Message) throws(Bad) -> Body) -> Outcome {
    do throws(Bad) {
      guard let end = find([13, 10, 13, 10], in: bytes, from: 0) else { return .incomplete }
      var message = try head(Array(bytes[..<(end + 2)]))
      message.length = end + 4
      let lengths = message.values("content-length")
      let codings = message.values("transfer-encoding")
      let standard = try body(message)
      if case .none = standard { return .message(message) }
      if !codings.isEmpty {
        guard lengths.isEmpty, codings.count == 1, codings[0].lowercased() == "chunked" else {
          throw Bad("the framing")
        }
        return try chunks(bytes, message)
      }
      guard lengths.count <= 1 else { throw Bad("the framing") }
      var length = 0
      if let text = lengths.first {
        guard !text.isEmpty, text.allSatisfy({ "0123456789".contains($0) }), let number = Int(text) else {
          throw Bad("the length")
        }
        length = number
      } else if case .rest = standard {
        length = bytes.count - message.length
      }
      guard bytes.count - message.length >= length else { return .incomplete }
      message.body = Array(bytes[message.length..<(message.length + length)])
      message.length += length
      return .message(message)
    } catch {
      return .bad(error.reason)
    }
  }

  /// Start line and fields; each line ends in CRLF.
  private static func head(_ bytes: [UInt8]) throws(Bad) -> Message {
    var lines: [[UInt8]] = []
    var position = 0
    while position < bytes.count {
      guard let end = find([13, 10], in: bytes, from: position) else { throw Bad("a line end") }
      let line = Array(bytes[position..<end])
      guard !line.contains(13), !line.contains(10), !line.contains(0) else { throw Bad("a control character") }
      lines.append(line)
      position = end + 2
    }
    guard let first = lines.first else { throw Bad("no start line") }
    var start = first.split(separator: 32, maxSplits: 2, omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
    // A status line may end with its status.
    if start.count == 2, start[0].hasPrefix("HTTP/") { start.append("") }
    guard start.count == 3 else { throw Bad("the start line") }
    var message = Message(start: start, fields: [], body: [], length: 0)
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: 58), colon > 0 else { throw Bad("a field line") }
      let name = String(decoding: line[..<colon], as: UTF8.self)
      let isToken = name.utf8.allSatisfy { $0 > 32 && $0 < 127 && !"\"(),/:;<=>?@[\\]{}".utf8.contains($0) }
      guard isToken else { throw Bad("a field name") }
      var value = line[(colon + 1)...]
      while let byte = value.first, byte == 32 || byte == 9 { value.removeFirst() }
      while let byte = value.last, byte == 32 || byte == 9 { value.removeLast() }
      message.fields.append(Field(name: name.lowercased(), value: String(decoding: value, as: UTF8.self)))
    }
    return message
  }

  private static func chunks(_ bytes: [UInt8], _ head: Message) throws(Bad) -> Outcome {
    var message = head
    while true {
      guard let end = find([13, 10], in: bytes, from: message.length) else { return .incomplete }
      let digits = bytes[message.length..<end].prefix { $0 != 59 }
      let text = String(decoding: digits, as: UTF8.self).lowercased()
      guard !text.isEmpty, text.allSatisfy({ "0123456789abcdef".contains($0) }), let size = Int(text, radix: 16) else {
        throw Bad("a chunk size")
      }
      message.length = end + 2
      if size == 0 { break }
      guard bytes.count - message.length - 2 >= size else { return .incomplete }
      message.body += bytes[message.length..<(message.length + size)]
      message.length += size
      guard bytes[message.length] == 13, bytes[message.length + 1] == 10 else { throw Bad("the end of a chunk") }
      message.length += 2
    }
    while true {
      guard let end = find([13, 10], in: bytes, from: message.length) else { return .incomplete }
      let isLast = end == message.length
      message.length = end + 2
      if isLast { return .message(message) }
    }
  }

  private static func find(_ pattern: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
    var position = start
    while position + pattern.count <= bytes.count {
      if bytes[position] == pattern[0], Array(bytes[position..<(position + pattern.count)]) == pattern {
        return position
      }
      position += 1
    }
    return nil
  }
}
