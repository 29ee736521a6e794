/// A field of a body or a parameter of a query: its name and what it may be.
struct AdminField: Sendable {
  let name: String
  let rule: ValueRule
  let isRequired: Bool
  let summary: String

  static func required(_ name: String, _ rule: ValueRule, _ summary: String) -> AdminField {
    AdminField(name: name, rule: rule, isRequired: true, summary: summary)
  }

  static func optional(_ name: String, _ rule: ValueRule, _ summary: String) -> AdminField {
    AdminField(name: name, rule: rule, isRequired: false, summary: summary)
  }
}
