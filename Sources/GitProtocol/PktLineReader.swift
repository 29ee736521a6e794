/// Reads packets one after the other from a buffer that holds them, whole or cut off at the end.
package struct PktLineReader: Sendable {
  /// What has not been read yet. After `next()` has returned nil it is empty, or the beginning of a cut packet.
  package private(set) var rest: ArraySlice<UInt8>

  package init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  package init(_ bytes: [UInt8]) { rest = bytes[...] }

  /// The next packet, or nil when the bytes left hold no whole one; nothing is consumed then.
  ///
  /// Throws what `PktLine.decodePrefix` throws; nothing is consumed then either.
  package mutating func next() throws(PktLineError) -> PktLine.Packet? {
    guard rest.count >= PktLine.prefixBytes else { return nil }
    let digits = rest.prefix(PktLine.prefixBytes).reduce(0) { $0 << 8 | UInt32($1) }
    let body = rest.startIndex + PktLine.prefixBytes
    let packet: PktLine.Packet
    var end = body
    switch try PktLine.decodePrefix(digits) {
    case .flush: packet = .flush
    case .delimiter: packet = .delimiter
    case .responseEnd: packet = .responseEnd
    case .data(let payloadBytes):
      guard rest.endIndex - body >= payloadBytes else { return nil }
      end = body + payloadBytes
      packet = .data(rest[body..<end])
    }
    rest = rest[end...]
    return packet
  }
}

extension ArraySlice<UInt8> {
  /// The line without its one closing newline, if it has one.
  var chomped: ArraySlice<UInt8> { last == UInt8(ascii: "\n") ? dropLast() : self }

  /// Whether the bytes begin with those of `text`.
  func hasPrefix(_ text: StaticString) -> Bool {
    text.withUTF8Buffer { starts(with: $0) }
  }

  /// Whether the bytes are those of `text`, no more and no less.
  func equals(_ text: StaticString) -> Bool {
    text.withUTF8Buffer { elementsEqual($0) }
  }
}
