/// A schema of the document's answers: an object by name, with its members.
struct AdminSchema: Sendable {
  struct Member: Sendable {
    let name: String
    let schema: JSONNode
    /// It is in every answer.
    let isAlwaysThere: Bool
  }

  let name: String
  let summary: String
  let members: [Member]

  var reference: JSONNode { ["$ref": .string("#/components/schemas/\(name)")] }

  var schema: JSONNode {
    let required = members.filter(\.isAlwaysThere).map { JSONNode.string($0.name) }
    var schema: JSONNode = [
      "type": "object", "description": .string(summary),
      "properties": .object(members.map { (name: $0.name, value: $0.schema) }),
    ]
    if !required.isEmpty { schema = schema.merging(["required": .array(required)]) }
    return schema
  }

  // MARK: Members

  static func always(_ name: String, _ schema: JSONNode, _ summary: String? = nil) -> Member {
    Member(name: name, schema: described(schema, summary), isAlwaysThere: true)
  }

  /// A member that an answer may leave out.
  static func maybe(_ name: String, _ schema: JSONNode, _ summary: String? = nil) -> Member {
    Member(name: name, schema: described(schema, summary), isAlwaysThere: false)
  }

  static let text: JSONNode = ["type": "string"]
  static let textOrNull: JSONNode = ["type": ["string", "null"]]
  static let whole: JSONNode = ["type": "integer"]
  static let flag: JSONNode = ["type": "boolean"]

  static func list(of schema: AdminSchema) -> JSONNode { ["type": "array", "items": schema.reference] }

  private static func described(_ schema: JSONNode, _ summary: String?) -> JSONNode {
    summary.map { schema.merging(["description": .string($0)]) } ?? schema
  }
}
