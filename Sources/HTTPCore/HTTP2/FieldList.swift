import CNghttp2

/// Fields on their way to the library: names and values where they lie. The memory behind them must stay until the
/// library has copied them, which submitting does.
struct FieldList {
  private(set) var entries: [nghttp2_nv] = []

  mutating func removeAll() { entries.removeAll(keepingCapacity: true) }

  mutating func append(contentsOf other: FieldList) { entries.append(contentsOf: other.entries) }

  mutating func append(_ name: FieldName, _ value: UnsafeRawBufferPointer) {
    append(name.bytes, value, isSecret: false)
  }

  private mutating func append(
    _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, isSecret: Bool
  ) {
    entries.append(
      nghttp2_nv(
        name: Self.pointer(name), value: Self.pointer(value), namelen: name.count, valuelen: value.count,
        flags: UInt8((isSecret ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE).rawValue)))
  }

  /// The library only reads through it.
  private static func pointer(_ bytes: UnsafeRawBufferPointer) -> UnsafeMutablePointer<UInt8>? {
    UnsafeMutableRawPointer(mutating: bytes.baseAddress)?.assumingMemoryBound(to: UInt8.self)
  }

  /// Adds the field lines that a `HeadWriter` wrote: lower-case names, a colon, a blank, the value and CRLF. Those of an
  /// HTTP/1 connection are left out; so is `Host`, which is returned: it has a place of its own.
  mutating func append(lines: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    var host: UnsafeRawBufferPointer?
    var start = 0
    while start < lines.count {
      var colon = start
      while colon < lines.count, lines[colon] != UInt8(ascii: ":") { colon += 1 }
      var end = colon
      while end < lines.count, lines[end] != 0x0d { end += 1 }
      guard colon + 2 <= end else { break }
      let name = UnsafeRawBufferPointer(rebasing: lines[start..<colon])
      let value = UnsafeRawBufferPointer(rebasing: lines[colon + 2..<end])
      start = end + 2
      switch name.count {
      case 4 where Fields.matches(name, .host): host = value
      case 10 where Fields.matches(name, .connection), 10 where Fields.matches(name, .keepAlive),
        7 where Fields.matches(name, "upgrade"), 16 where Fields.matches(name, "proxy-connection"),
        17 where Fields.matches(name, .transferEncoding):
        break
      default:
        // Never put into a compression table, where lengths could betray them (RFC 7541, 7.1.3).
        let isSecret = Fields.matches(name, .authorization) || Fields.matches(name, "cookie")
        append(name, Self.trimmed(value), isSecret: isSecret)
      }
    }
    return host
  }

  private static func trimmed(_ value: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    var value = value
    while let first = value.first, first == 0x20 || first == 0x09 { value = .init(rebasing: value.dropFirst()) }
    while let last = value.last, last == 0x20 || last == 0x09 { value = .init(rebasing: value.dropLast()) }
    return value
  }
}
