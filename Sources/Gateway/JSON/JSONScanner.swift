import HTTPCore

/// The small parts of JSON (RFC 8259), read strictly off the front of bytes that are known to be UTF-8.
struct JSONScanner {
  /// The bytes are not JSON.
  struct Malformed: Error, Equatable {}

  enum Scalar: Equatable {
    case null
    case bool(Bool)
    /// A whole number that a Double holds exactly, also when it is written with a fraction or an exponent (`90.0`, `9e1`);
    /// one written without them may be any Int.
    case integer(Int)
    /// A number that is not whole, or too large.
    case number(Double)
    case string(String)
  }

  private(set) var rest: ArraySlice<UInt8>

  /// - Parameter bytes: valid UTF-8.
  init(_ bytes: [UInt8]) { rest = bytes[...] }

  /// The next byte that is no blank, left where it is.
  mutating func peek() -> UInt8? {
    rest = rest.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0a || $0 == 0x0d }
    return rest.first
  }

  /// The next byte that is no blank, taken.
  mutating func next() -> UInt8? {
    _ = peek()
    return rest.popFirst()
  }

  /// A value that is no array and no object.
  mutating func scalar() throws(Malformed) -> Scalar {
    switch peek() {
    case UInt8(ascii: "\""):
      rest.removeFirst()
      return .string(try string())
    case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"):
      let word = rest.prefix { $0 &- 0x61 < 26 }
      rest = rest.dropFirst(word.count)
      switch String(decoding: word, as: UTF8.self) {
      case "true": return .bool(true)
      case "false": return .bool(false)
      case "null": return .null
      default: throw Malformed()
      }
    default: return try number()
    }
  }

  /// The rest of a string whose opening quote is gone.
  mutating func string() throws(Malformed) -> String {
    var bytes: [UInt8] = []
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: bytes, as: UTF8.self)
      case UInt8(ascii: "\\"): bytes += try escape()
      case 0..<0x20: throw Malformed()
      default: bytes.append(byte)
      }
    }
    throw Malformed()
  }

  private mutating func escape() throws(Malformed) -> [UInt8] {
    switch rest.popFirst() {
    case UInt8(ascii: "\""): return [0x22]
    case UInt8(ascii: "\\"): return [0x5c]
    case UInt8(ascii: "/"): return [0x2f]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0c]
    case UInt8(ascii: "n"): return [0x0a]
    case UInt8(ascii: "r"): return [0x0d]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"):
      var code = try unit()
      if code & 0xfc00 == 0xd800 {
        guard rest.popFirst() == UInt8(ascii: "\\"), rest.popFirst() == UInt8(ascii: "u") else { throw Malformed() }
        let low = try unit()
        guard low & 0xfc00 == 0xdc00 else { throw Malformed() }
        code = 0x1_0000 + (code & 0x3ff) << 10 + low & 0x3ff
      }
      // A low half that stands alone is no scalar.
      guard let scalar = Unicode.Scalar(code) else { throw Malformed() }
      return Array(String(Character(scalar)).utf8)
    default: throw Malformed()
    }
  }

  private mutating func unit() throws(Malformed) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = rest.popFirst(), let digit = Grammar.hexValue(byte) else { throw Malformed() }
      code = code << 4 | UInt32(digit)
    }
    return code
  }

  private mutating func number() throws(Malformed) -> Scalar {
    let text = rest.prefix { $0 &- 0x30 < 10 || "+-.eE".utf8.contains($0) }
    rest = rest.dropFirst(text.count)
    var digits = text
    if digits.first == UInt8(ascii: "-") { digits.removeFirst() }
    let whole = digits.prefix { $0 &- 0x30 < 10 }
    guard !whole.isEmpty, whole.count == 1 || whole.first != UInt8(ascii: "0") else { throw Malformed() }
    if whole.count == digits.count, let integer = Int(String(decoding: text, as: UTF8.self)) {
      return .integer(integer)
    }
    guard let last = digits.last, last &- 0x30 < 10, let number = Double(String(decoding: text, as: UTF8.self)) else {
      throw Malformed()
    }
    // The one place where Swift's notation is wider than JSON's.
    if let point = digits.firstIndex(of: UInt8(ascii: ".")), digits[point + 1] &- 0x30 >= 10 { throw Malformed() }
    // Beyond 2^53 a Double is not what was written.
    guard let integer = Int(exactly: number), integer.magnitude < 1 << 53 else { return .number(number) }
    return .integer(integer)
  }
}
