import Gateway
import HTTPCore

/// The OpenAPI document of the admin API, as a client reads it. Every answer that a test gets from `/api/v1` is held
/// against it.
package enum AdminContract {
  package struct Operation: Sendable, CustomStringConvertible {
    package let method: String
    /// Below `/api/v1`, with `{parameter}`s.
    package let path: String
    package let content: JSONTree

    package var description: String { "\(method) \(path)" }
    package var statuses: Set<Int> { Set(content["responses"].members.keys.compactMap { Int($0) }) }

    package func parameters(in place: String) -> [JSONTree] {
      content["parameters"].items.filter { $0["in"].text == place }
    }

    /// The schema of its body; null when it takes none.
    package var body: JSONTree { content["requestBody"]["content"]["application/json"]["schema"] }

    /// The schema of its JSON answer with a status; null when that is none.
    package func answer(_ status: Int) -> JSONTree {
      content["responses"]["\(status)"]["content"]["application/json"]["schema"]
    }

    func matches(_ segments: [Substring]) -> Bool {
      let pattern = path.split(separator: "/")
      let isOpen = pattern.last == "{path}"
      guard isOpen ? segments.count >= pattern.count : segments.count == pattern.count else { return false }
      return zip(pattern, segments).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }
  }

  package static let document = (try? JSONTree(parsing: Array(AdminDocument.text.utf8))) ?? .null

  /// All operations, in an order that does not change.
  package static let operations: [Operation] = document["paths"].members.sorted { $0.key < $1.key }.flatMap {
    path, item in
    item.members.sorted { $0.key < $1.key }.map {
      Operation(method: $0.key.uppercased(), path: path, content: $0.value)
    }
  }

  /// Follows a reference to its schema.
  package static func resolve(_ schema: JSONTree) -> JSONTree {
    guard let name = schema["$ref"].text?.split(separator: "/").last else { return schema }
    return document["components"]["schemas"][String(name)]
  }

  /// Throws when an answer of the admin API has a status or a type that its document does not name.
  static func check(_ answer: HTTPAnswer, to request: HTTPRequest) throws {
    let path = request.target.prefix { $0 != "?" }
    guard path == "/api/v1" || path.hasPrefix("/api/v1/") else { return }
    let segments = path.dropFirst("/api/v1".count).split(separator: "/")
    let method = request.method == "HEAD" ? "GET" : request.method
    let found = operations.filter { $0.matches(segments) }
    guard let operation = found.first(where: { $0.method == method }) else {
      guard [400, 403, 404, 405].contains(answer.status) else {
        throw TestFailure("not in the document: \(request.method) \(path): \(answer)")
      }
      return
    }
    guard operation.statuses.contains(answer.status) else {
      throw TestFailure("\(operation) is not documented to answer \(answer)")
    }
    let response = operation.content["responses"]["\(answer.status)"]
    let failure = response["$ref"].text.map {
      document["components"]["responses"][String($0.split(separator: "/").last ?? "")]
    }
    let types = (failure ?? response)["content"].members.keys
    let type = answer.field("content-type").map { String($0.prefix { $0 != ";" }) }
    guard types.contains("*/*") || (type.map(types.contains) ?? types.isEmpty) else {
      throw TestFailure("\(operation) is not documented to answer \(answer)")
    }
  }
}
