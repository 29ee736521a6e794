/// The caller's place in a distributed trace, as `traceparent` tells it (W3C Trace Context, section 3.2). The field itself
/// goes upstream as it came.
package struct TraceContext: Equatable, Sendable {
  /// 32 digits of lower-case hexadecimal.
  package let traceID: Substring
  /// 16 digits: the span of the caller.
  package let parentID: Substring

  /// Nil for a value that is not valid: then there is no trace.
  package init?(_ value: String) {
    let bytes = value.utf8
    guard bytes.count >= 55, let version = Self.field(value, 0, 2), version != "ff",
      let traceID = Self.field(value, 3, 32), let parentID = Self.field(value, 36, 16),
      Self.field(value, 53, 2) != nil, Self.isDash(value, 2), Self.isDash(value, 35), Self.isDash(value, 52),
      // Later versions may add fields behind another dash.
      bytes.count == 55 || version != "00" && Self.isDash(value, 55),
      traceID.utf8.contains(where: { $0 != UInt8(ascii: "0") }),
      parentID.utf8.contains(where: { $0 != UInt8(ascii: "0") })
    else { return nil }
    self.traceID = traceID
    self.parentID = parentID
  }

  private static func isDash(_ value: String, _ offset: Int) -> Bool {
    value.utf8[value.utf8.index(value.startIndex, offsetBy: offset)] == UInt8(ascii: "-")
  }

  /// Hexadecimal digits at an offset within the first 55 bytes; nil for anything else.
  private static func field(_ value: String, _ offset: Int, _ count: Int) -> Substring? {
    let start = value.utf8.index(value.startIndex, offsetBy: offset)
    let end = value.utf8.index(start, offsetBy: count)
    guard value.utf8[start..<end].allSatisfy({ $0 &- 0x30 < 10 || $0 &- 0x61 < 6 }) else { return nil }
    return value[start..<end]
  }
}
