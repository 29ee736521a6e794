/// A JSON value (RFC 8259) of somebody who is not trusted, read strictly: UTF-8 only, no member twice, bounded in depth and
/// in number.
package indirect enum StrictJSON: Hashable, Sendable {
  case null
  case bool(Bool)
  case integer(Int)
  /// Not whole, or too large for an integer.
  case number(Double)
  case string(String)
  case array([StrictJSON])
  case object([String: StrictJSON])

  /// Why bytes are not taken.
  package enum Fault: Error, Hashable, Sendable {
    case malformed
    /// RFC 8259 section 4 leaves it to the reader which of two members with one name counts.
    case memberTwice
    case tooDeep
    case tooMany
  }

  /// - Parameters:
  ///   - depth: how many arrays and objects may stand in each other.
  ///   - limit: how many values there may be in all.
  package init(parsing bytes: [UInt8], depth: Int, limit: Int) throws(Fault) {
    guard String(validating: bytes, as: UTF8.self) != nil else { throw .malformed }
    var parser = Parser(scanner: JSONScanner(bytes), left: limit)
    self = try parser.value(depth: depth)
    guard parser.scanner.peek() == nil else { throw .malformed }
  }

  /// A member of an object; nil when there is none, and of what is no object.
  package subscript(name: String) -> StrictJSON? {
    if case .object(let members) = self { members[name] } else { nil }
  }

  package var text: String? { if case .string(let text) = self { text } else { nil } }
  package var items: [StrictJSON]? { if case .array(let items) = self { items } else { nil } }

  private struct Parser {
    var scanner: JSONScanner
    var left: Int

    mutating func value(depth: Int) throws(Fault) -> StrictJSON {
      left -= 1
      guard left >= 0 else { throw .tooMany }
      switch scanner.peek() {
      case UInt8(ascii: "{"):
        guard depth > 0 else { throw .tooDeep }
        return try object(depth: depth - 1)
      case UInt8(ascii: "["):
        guard depth > 0 else { throw .tooDeep }
        return try array(depth: depth - 1)
      default: return try scalar()
      }
    }

    private mutating func scalar() throws(Fault) -> StrictJSON {
      do throws(JSONScanner.Malformed) {
        switch try scanner.scalar() {
        case .null: return .null
        case .bool(let value): return .bool(value)
        case .integer(let value): return .integer(value)
        case .number(let value): return .number(value)
        case .string(let text): return .string(text)
        }
      } catch { throw .malformed }
    }

    private mutating func object(depth: Int) throws(Fault) -> StrictJSON {
      var members: [String: StrictJSON] = [:]
      _ = scanner.next()
      if scanner.peek() == UInt8(ascii: "}") {
        _ = scanner.next()
        return .object([:])
      }
      while true {
        guard scanner.next() == UInt8(ascii: "\"") else { throw .malformed }
        let name: String
        do throws(JSONScanner.Malformed) { name = try scanner.string() } catch { throw .malformed }
        guard scanner.next() == UInt8(ascii: ":") else { throw .malformed }
        guard members.updateValue(try value(depth: depth), forKey: name) == nil else { throw .memberTwice }
        switch scanner.next() {
        case UInt8(ascii: ","): continue
        case UInt8(ascii: "}"): return .object(members)
        default: throw .malformed
        }
      }
    }

    private mutating func array(depth: Int) throws(Fault) -> StrictJSON {
      var items: [StrictJSON] = []
      _ = scanner.next()
      if scanner.peek() == UInt8(ascii: "]") {
        _ = scanner.next()
        return .array([])
      }
      while true {
        items.append(try value(depth: depth))
        switch scanner.next() {
        case UInt8(ascii: ","): continue
        case UInt8(ascii: "]"): return .array(items)
        default: throw .malformed
        }
      }
    }
  }
}
