import GatewayTestSupport

/// A call that its operation takes, made from the document; parts of it can be replaced by worse ones.
struct AdminSample {
  let operation: AdminContract.Operation
  /// Raw, as they stand in the target.
  var path: [String: String] = [:]
  var query: [(String, String)] = []
  /// Raw JSON.
  var fields: [(String, String)] = []

  init(_ operation: AdminContract.Operation) {
    self.operation = operation
    for parameter in operation.parameters(in: "path") {
      let name = parameter["name"].text ?? ""
      path[name] = Self.value(of: name, parameter["schema"])
    }
    for parameter in operation.parameters(in: "query") where parameter["required"] == .bool(true) {
      let name = parameter["name"].text ?? ""
      query.append((name, Self.value(of: name, parameter["schema"])))
    }
    for name in operation.body["required"].items.compactMap(\.text) {
      fields.append((name, "\"\(Self.value(of: name, operation.body["properties"][name]))\""))
    }
  }

  static func value(of name: String, _ schema: JSONTree) -> String {
    if let word = schema["enum"].items.first?.text { return word }
    switch name {
    case "hash": return String(repeating: "a", count: 40)
    case "url": return "https://example.com/x.git"
    case "ttl": return "3600"
    default: break
    }
    let types = schema["type"].items.compactMap(\.text) + (schema["type"].text.map { [$0] } ?? [])
    if types.contains("integer") { return "\(schema["minimum"].number ?? 1)" }
    return types.contains("boolean") ? "true" : "sample"
  }

  /// A copy in which a field has another value; nil leaves it out.
  func with(field name: String, _ value: String?) -> AdminSample {
    var copy = self
    copy.fields.removeAll { $0.0 == name }
    if let value { copy.fields.append((name, value)) }
    return copy
  }

  func with(query name: String, _ value: String?) -> AdminSample {
    var copy = self
    copy.query.removeAll { $0.0 == name }
    if let value { copy.query.append((name, value)) }
    return copy
  }

  var target: String {
    let segments = operation.path.split(separator: "/").map { piece in
      piece.hasPrefix("{") ? path[String(piece.dropFirst().dropLast())] ?? "" : String(piece)
    }
    let text = query.isEmpty ? "" : "?" + query.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
    return "/api/v1/" + segments.joined(separator: "/") + text
  }

  var body: String? {
    operation.body == .null
      ? nil : "{" + fields.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
  }

  /// - Parameter body: instead of the sample's own.
  func request(body: [UInt8]? = nil) -> HTTPRequest {
    let content = body ?? self.body.map { Array($0.utf8) } ?? []
    let type = operation.body == .null ? [] : [("Content-Type", "application/json")]
    return HTTPRequest(operation.method, target, type, body: content)
  }
}
