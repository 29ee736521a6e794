import HTTPCore

/// The query of a call, decoded, in its order; a plus sign is a blank, as forms write it and the service reads it. Every
/// parameter is one that its route names, stands once and is checked.
struct AdminQuery {
  private(set) var parameters: [(String, String)] = []

  /// - Parameter fields: those that the call knows.
  init(_ text: Substring?, _ fields: [AdminField]) throws(Problem) {
    for pair in (text ?? "").split(separator: "&") {
      let mark = pair.firstIndex(of: "=")
      guard let name = PercentCoding.decode(mark.map { pair[..<$0] } ?? pair),
        let field = fields.first(where: { $0.name == name })
      else {
        throw Problem(400, "unknown query parameter \"\(pair.prefix { $0 != "=" }.prefix(100))\"", pointer: "/query")
      }
      let raw = mark.map { pair[pair.index(after: $0)...] } ?? ""
      guard let value = PercentCoding.decode(String(raw.map { $0 == "+" ? " " : $0 })) else {
        throw Problem(400, "the query parameter \(name) is not percent-encoded UTF-8", pointer: "/\(name)")
      }
      guard self[name] == nil else {
        throw Problem(400, "the query parameter \(name) stands twice", pointer: "/\(name)")
      }
      try field.rule.check(value, of: name)
      parameters.append((name, value))
    }
    if let missing = fields.first(where: { $0.isRequired && self[$0.name] == nil }) {
      throw Problem(400, "the query parameter \(missing.name) is required", pointer: "/\(missing.name)")
    }
  }

  subscript(name: String) -> String? { parameters.first { $0.0 == name }?.1 }

  mutating func set(_ name: String, _ value: String) {
    parameters.removeAll { $0.0 == name }
    parameters.append((name, value))
  }

  /// A switch that is off when it is not there.
  func isOn(_ name: String) -> Bool { self[name] == "true" }
}
