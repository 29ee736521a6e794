/// Writes numbers as eight big-endian bytes, and byte strings with their length in front.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ number: UInt64) {
    for shift in stride(from: 56, through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
    }
  }

  mutating func append(_ text: String) { append(Array(text.utf8)) }

  mutating func append(_ string: [UInt8]) {
    append(UInt64(string.count))
    bytes += string
  }

  /// Appends bytes without their length.
  mutating func append(raw: some Sequence<UInt8>) { bytes += raw }
}

/// Reads what `ByteWriter` writes. Everything is nil once the bytes do not suffice.
struct ByteReader {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func number() -> UInt64? {
    guard rest.count >= 8 else { return nil }
    defer { rest = rest.dropFirst(8) }
    return rest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// A number that counts something.
  mutating func count() -> Int? { number().flatMap { Int(exactly: $0) } }

  mutating func string() -> [UInt8]? {
    guard let count = count(), rest.count >= count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }

  mutating func text() -> String? { string().flatMap { String(validating: $0, as: UTF8.self) } }
}
