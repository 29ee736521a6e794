import HTTPCore

/// Reads one JSON object of scalars (RFC 8259), strictly: no field twice, none that is not known, no arrays or objects inside,
/// UTF-8 only. Nothing in it recurses, so depth costs nothing.
struct FlatJSON {
  enum Value: Equatable {
    case null
    case bool(Bool)
    /// A whole number, also when it is written with a fraction or an exponent (`90.0`, `9e1`).
    case integer(Int)
    /// A number that is not whole, or too large.
    case number
    case string(String)
  }

  private var rest: ArraySlice<UInt8>

  /// - Parameter fields: the names that may occur.
  static func parse(_ bytes: [UInt8], fields: Set<String>) throws(Problem) -> [String: Value] {
    // Checked once for the whole, so that strings can be taken as they stand.
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw Problem(400, "the body is not UTF-8", pointer: "")
    }
    var parser = FlatJSON(rest: bytes[...])
    return try parser.object(fields)
  }

  private mutating func object(_ fields: Set<String>) throws(Problem) -> [String: Value] {
    var values: [String: Value] = [:]
    guard next() == UInt8(ascii: "{") else { throw Problem(400, "the body is not a JSON object", pointer: "") }
    skipBlanks()
    if rest.first == UInt8(ascii: "}") {
      rest.removeFirst()
    } else {
      while true {
        guard next() == UInt8(ascii: "\"") else { throw Self.malformed(in: nil) }
        let name = try string(in: nil)
        guard fields.contains(name) else {
          throw Problem(400, "unknown field \(Self.shown(name))", pointer: Self.pointer(name))
        }
        guard values[name] == nil else {
          throw Problem(400, "the field \(name) stands twice", pointer: Self.pointer(name))
        }
        guard next() == UInt8(ascii: ":") else { throw Self.malformed(in: name) }
        values[name] = try value(of: name)
        let mark = next()
        if mark == UInt8(ascii: "}") { break }
        guard mark == UInt8(ascii: ",") else { throw Self.malformed(in: name) }
      }
    }
    skipBlanks()
    guard rest.isEmpty else { throw Problem(400, "more follows the JSON object", pointer: "") }
    return values
  }

  private mutating func value(of name: String) throws(Problem) -> Value {
    skipBlanks()
    switch rest.first {
    case UInt8(ascii: "\""):
      rest.removeFirst()
      return .string(try string(in: name))
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      throw Problem(400, "the field \(name) must not be an object or array", pointer: Self.pointer(name))
    case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"):
      let word = String(decoding: rest.prefix { $0 &- 0x61 < 26 }, as: UTF8.self)
      rest = rest.dropFirst(word.utf8.count)
      switch word {
      case "true": return .bool(true)
      case "false": return .bool(false)
      case "null": return .null
      default: throw Self.malformed(in: name)
      }
    default: return try number(in: name)
    }
  }

  /// Reads a string whose opening quote is gone.
  private mutating func string(in name: String?) throws(Problem) -> String {
    var bytes: [UInt8] = []
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: bytes, as: UTF8.self)
      case UInt8(ascii: "\\"): bytes += try escape(in: name)
      case 0..<0x20: throw Self.malformed(in: name)
      default: bytes.append(byte)
      }
    }
    throw Self.malformed(in: name)
  }

  private mutating func escape(in name: String?) throws(Problem) -> [UInt8] {
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
      var code = try unit(in: name)
      if code & 0xfc00 == 0xd800 {
        guard rest.popFirst() == UInt8(ascii: "\\"), rest.popFirst() == UInt8(ascii: "u") else {
          throw Self.malformed(in: name)
        }
        let low = try unit(in: name)
        guard low & 0xfc00 == 0xdc00 else { throw Self.malformed(in: name) }
        code = 0x1_0000 + (code & 0x3ff) << 10 + low & 0x3ff
      }
      // A low half that stands alone is no scalar.
      guard let scalar = Unicode.Scalar(code) else { throw Self.malformed(in: name) }
      return Array(String(Character(scalar)).utf8)
    default: throw Self.malformed(in: name)
    }
  }

  private mutating func unit(in name: String?) throws(Problem) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = rest.popFirst(), let digit = Grammar.hexValue(byte) else { throw Self.malformed(in: name) }
      code = code << 4 | UInt32(digit)
    }
    return code
  }

  private mutating func number(in name: String) throws(Problem) -> Value {
    let text = rest.prefix { $0 &- 0x30 < 10 || "+-.eE".utf8.contains($0) }
    rest = rest.dropFirst(text.count)
    var digits = text
    if digits.first == UInt8(ascii: "-") { digits.removeFirst() }
    let whole = digits.prefix { $0 &- 0x30 < 10 }
    guard !whole.isEmpty, whole.count == 1 || whole.first != UInt8(ascii: "0") else { throw Self.malformed(in: name) }
    if whole.count == digits.count {
      return Int(String(decoding: text, as: UTF8.self)).map { .integer($0) } ?? .number
    }
    guard let last = digits.last, last &- 0x30 < 10, let number = Double(String(decoding: text, as: UTF8.self)) else {
      throw Self.malformed(in: name)
    }
    // The one place where Swift's notation is wider than JSON's.
    if let point = digits.firstIndex(of: UInt8(ascii: ".")), digits[point + 1] &- 0x30 >= 10 {
      throw Self.malformed(in: name)
    }
    // Beyond 2^53 a Double is not what was written.
    guard let integer = Int(exactly: number), integer.magnitude < 1 << 53 else { return .number }
    return .integer(integer)
  }

  // MARK: Small parts

  /// The next byte that is no blank, taken.
  private mutating func next() -> UInt8? {
    skipBlanks()
    return rest.popFirst()
  }

  private mutating func skipBlanks() {
    rest = rest.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0a || $0 == 0x0d }
  }

  private static func malformed(in name: String?) -> Problem {
    let place = name.map { " in the field \(shown($0))" } ?? ""
    return Problem(400, "the body is not JSON\(place)", pointer: name.map(pointer) ?? "")
  }

  /// RFC 6901 section 3.
  private static func pointer(_ name: String) -> String {
    "/" + shown(name).map { $0 == "~" ? "~0" : $0 == "/" ? "~1" : String($0) }.joined()
  }

  private static func shown(_ name: String) -> String { String(name.prefix(100)) }
}
