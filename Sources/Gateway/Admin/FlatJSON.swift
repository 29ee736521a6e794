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

  private var scanner: JSONScanner

  /// - Parameter fields: the names that may occur.
  static func parse(_ bytes: [UInt8], fields: Set<String>) throws(Problem) -> [String: Value] {
    // Checked once for the whole, so that strings can be taken as they stand.
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw Problem(400, "the body is not UTF-8", pointer: "")
    }
    var parser = FlatJSON(scanner: JSONScanner(bytes))
    return try parser.object(fields)
  }

  private mutating func object(_ fields: Set<String>) throws(Problem) -> [String: Value] {
    var values: [String: Value] = [:]
    guard scanner.next() == UInt8(ascii: "{") else { throw Problem(400, "the body is not a JSON object", pointer: "") }
    if scanner.peek() == UInt8(ascii: "}") {
      _ = scanner.next()
    } else {
      while true {
        guard scanner.next() == UInt8(ascii: "\"") else { throw Self.malformed(in: nil) }
        let name = try name()
        guard fields.contains(name) else {
          throw Problem(400, "unknown field \(Self.shown(name))", pointer: Self.pointer(name))
        }
        guard values[name] == nil else {
          throw Problem(400, "the field \(name) stands twice", pointer: Self.pointer(name))
        }
        guard scanner.next() == UInt8(ascii: ":") else { throw Self.malformed(in: name) }
        values[name] = try value(of: name)
        let mark = scanner.next()
        if mark == UInt8(ascii: "}") { break }
        guard mark == UInt8(ascii: ",") else { throw Self.malformed(in: name) }
      }
    }
    guard scanner.peek() == nil else { throw Problem(400, "more follows the JSON object", pointer: "") }
    return values
  }

  private mutating func name() throws(Problem) -> String {
    do throws(JSONScanner.Malformed) { return try scanner.string() } catch { throw Self.malformed(in: nil) }
  }

  private mutating func value(of name: String) throws(Problem) -> Value {
    if let mark = scanner.peek(), mark == UInt8(ascii: "{") || mark == UInt8(ascii: "[") {
      throw Problem(400, "the field \(name) must not be an object or array", pointer: Self.pointer(name))
    }
    do throws(JSONScanner.Malformed) {
      switch try scanner.scalar() {
      case .null: return .null
      case .bool(let value): return .bool(value)
      case .integer(let value): return .integer(value)
      case .number: return .number
      case .string(let text): return .string(text)
      }
    } catch { throw Self.malformed(in: name) }
  }

  // MARK: What is told

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
