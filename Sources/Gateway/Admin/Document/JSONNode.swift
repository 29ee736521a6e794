/// A JSON value (RFC 8259) whose members keep the order they were written in.
indirect enum JSONNode: Sendable {
  case null
  case bool(Bool)
  case integer(Int)
  case string(String)
  case array([JSONNode])
  case object([(name: String, value: JSONNode)])

  /// The members of both; of two with the same name, the second's.
  func merging(_ other: JSONNode) -> JSONNode {
    guard case .object(let own) = self, case .object(let others) = other else { return other }
    return .object(own.filter { member in !others.contains { $0.name == member.name } } + others)
  }

  /// Laid out for people: two spaces a level.
  var text: String {
    var text = ""
    write(to: &text, indent: "\n")
    return text
  }

  private func write(to text: inout String, indent: String) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += "\(value)"
    case .string(let value): Self.quote(value, to: &text)
    case .array(let items):
      Self.enclose("[", "]", items, to: &text, indent: indent) { $0.write(to: &$1, indent: $2) }
    case .object(let members):
      Self.enclose("{", "}", members, to: &text, indent: indent) { member, text, indent in
        Self.quote(member.name, to: &text)
        text += ": "
        member.value.write(to: &text, indent: indent)
      }
    }
  }

  private static func enclose<Item>(
    _ opening: String, _ closing: String, _ items: [Item], to text: inout String, indent: String,
    _ write: (Item, inout String, String) -> Void
  ) {
    text += opening
    for (index, item) in items.enumerated() {
      text += (index == 0 ? "" : ",") + indent + "  "
      write(item, &text, indent + "  ")
    }
    text += (items.isEmpty ? "" : indent) + closing
  }

  private static func quote(_ value: String, to text: inout String) {
    text += "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"", "\\":
        text += "\\"
        text.unicodeScalars.append(scalar)
      case "\u{0}"..<" ":
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}

extension JSONNode: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  init(stringLiteral value: String) { self = .string(value) }
  init(integerLiteral value: Int) { self = .integer(value) }
  init(booleanLiteral value: Bool) { self = .bool(value) }
  init(arrayLiteral elements: JSONNode...) { self = .array(elements) }
  init(dictionaryLiteral elements: (String, JSONNode)...) { self = .object(elements.map { (name: $0.0, value: $0.1) }) }
}
