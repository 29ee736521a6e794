import HTTPCore

/// The query of a call, decoded, in its order. Every parameter is known to the call and stands once.
struct AdminQuery {
  private(set) var parameters: [(String, String)] = []

  /// - Parameter names: those that the call knows.
  init(_ text: Substring?, _ names: Set<String>) throws(Problem) {
    for pair in (text ?? "").split(separator: "&") {
      let mark = pair.firstIndex(of: "=")
      guard let name = PercentCoding.decode(mark.map { pair[..<$0] } ?? pair), names.contains(name) else {
        throw Problem(400, "unknown query parameter \"\(pair.prefix { $0 != "=" }.prefix(100))\"", pointer: "/query")
      }
      guard let value = PercentCoding.decode(mark.map { pair[pair.index(after: $0)...] } ?? "") else {
        throw Problem(400, "the query parameter \(name) is not percent-encoded UTF-8", pointer: "/\(name)")
      }
      guard self[name] == nil else {
        throw Problem(400, "the query parameter \(name) stands twice", pointer: "/\(name)")
      }
      parameters.append((name, value))
    }
  }

  subscript(name: String) -> String? { parameters.first { $0.0 == name }?.1 }

  mutating func set(_ name: String, _ value: String) {
    parameters.removeAll { $0.0 == name }
    parameters.append((name, value))
  }

  /// A switch: on as `name=true`, off as `name=false` or when it is not there.
  func isOn(_ name: String) throws(Problem) -> Bool {
    switch self[name] {
    case nil, "false": return false
    case "true": return true
    default: throw Problem(400, "the query parameter \(name) is true or false", pointer: "/\(name)")
    }
  }
}
