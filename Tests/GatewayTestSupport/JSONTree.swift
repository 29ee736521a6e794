import FoundationEssentials

/// Any JSON value, for tests that look at one by name.
package enum JSONTree: Decodable, Sendable, Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONTree])
  case object([String: JSONTree])

  package init(parsing bytes: [UInt8]) throws { self = try JSONDecoder().decode(JSONTree.self, from: Data(bytes)) }

  package init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let bool = try? value.decode(Bool.self) {
      self = .bool(bool)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else if let text = try? value.decode(String.self) {
      self = .string(text)
    } else if let items = try? value.decode([JSONTree].self) {
      self = .array(items)
    } else {
      self = .object(try value.decode([String: JSONTree].self))
    }
  }

  /// A member; null when there is none.
  package subscript(name: String) -> JSONTree { members[name] ?? .null }

  package var members: [String: JSONTree] { if case .object(let members) = self { members } else { [:] } }
  package var items: [JSONTree] { if case .array(let items) = self { items } else { [] } }
  package var text: String? { if case .string(let text) = self { text } else { nil } }
  package var number: Int? { if case .number(let number) = self { Int(exactly: number) } else { nil } }
}
