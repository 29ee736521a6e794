package import HTTPCore

/// Frames written by hand (RFC 9113 section 4.1), with fields as literals that enter no table (RFC 7541, 6.2.2).
package enum Frame {
  package static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  package static func raw(_ type: UInt8, _ flags: UInt8, _ stream: Int32, _ payload: [UInt8] = []) -> [UInt8] {
    let count = payload.count
    let number = UInt32(bitPattern: stream)
    return [
      UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags, UInt8(number >> 24),
      UInt8(number >> 16 & 255), UInt8(number >> 8 & 255), UInt8(number & 255),
    ] + payload
  }

  package static func settings(_ entries: [(UInt16, UInt32)] = []) -> [UInt8] {
    raw(4, 0, 0, entries.flatMap { [UInt8($0.0 >> 8), UInt8($0.0 & 255)] + number($0.1) })
  }

  package static let settingsAcknowledgement = raw(4, 1, 0)

  /// A head; what does not fit into one frame goes on in CONTINUATION frames.
  package static func headers(_ stream: Int32, _ fields: [(String, String)], ends: Bool = true) -> [UInt8] {
    var block = fields.flatMap { literal($0.0, $0.1) }[...]
    let first = Array(block.prefix(16_384))
    block = block.dropFirst(first.count)
    var bytes = raw(1, (ends ? 1 : 0) | (block.isEmpty ? 4 : 0), stream, first)
    while !block.isEmpty {
      let next = Array(block.prefix(16_384))
      block = block.dropFirst(next.count)
      bytes += raw(9, block.isEmpty ? 4 : 0, stream, next)
    }
    return bytes
  }

  package static func data(_ stream: Int32, _ bytes: [UInt8], ends: Bool = false) -> [UInt8] {
    raw(0, ends ? 1 : 0, stream, bytes)
  }

  package static func reset(_ stream: Int32, code: UInt32 = 8) -> [UInt8] { raw(3, 0, stream, number(code)) }

  package static func windowUpdate(_ stream: Int32, _ increment: UInt32) -> [UInt8] {
    raw(8, 0, stream, number(increment))
  }

  package static func ping(_ content: UInt8 = 0) -> [UInt8] { raw(6, 0, 0, [UInt8](repeating: content, count: 8)) }

  package static func number(_ value: UInt32) -> [UInt8] {
    [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
  }

  package static func literal(_ name: String, _ value: String) -> [UInt8] { [0] + string(name) + string(value) }

  package static func string(_ text: String) -> [UInt8] {
    let bytes = Array(text.utf8)
    guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
    var length: [UInt8] = [127]
    var rest = bytes.count - 127
    while rest >= 128 {
      length.append(UInt8(rest & 127 | 128))
      rest >>= 7
    }
    return length + [UInt8(rest)] + bytes
  }

  /// The pseudo-fields of a plain request.
  package static let get = [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "example.test")]
  package static let post = [(":method", "POST"), (":scheme", "https"), (":path", "/"), (":authority", "example.test")]
}

/// The frames in a run of bytes.
package func frames(of bytes: [UInt8]) -> [(type: UInt8, stream: Int32, payload: [UInt8])] {
  var frames: [(type: UInt8, stream: Int32, payload: [UInt8])] = []
  var rest = bytes[...]
  while rest.count >= 9 {
    let head = Array(rest.prefix(9))
    let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
    let stream = Int32(head[5] & 127) << 24 | Int32(head[6]) << 16 | Int32(head[7]) << 8 | Int32(head[8])
    rest = rest.dropFirst(9)
    frames.append((head[3], stream, Array(rest.prefix(length))))
    rest = rest.dropFirst(length)
  }
  return frames
}

/// The code of the GOAWAY among `bytes`.
package func goAwayCode(in bytes: [UInt8]) -> HTTP2ErrorCode? {
  frames(of: bytes).first { $0.type == 7 }.map { frame in
    HTTP2ErrorCode(rawValue: frame.payload[4..<8].reduce(0) { $0 << 8 | UInt32($1) })
  }
}
