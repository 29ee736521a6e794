import HTTPCore

/// The OpenAPI 3.1 document of the admin API, written from its route table.
package enum AdminDocument {
  /// Rendered once.
  package static let text = document.text
  static let bytes = Array("\(text)\n".utf8)

  private static let document: JSONNode = [
    "openapi": "3.1.0",
    "info": [
      "title": "artifacts-gateway admin API", "version": .string(GatewayVersion.number),
      "summary": "Repositories of Cloudflare Artifacts as flat JSON.",
      "description": .string(description),
      "license": ["name": "Apache License 2.0", "identifier": "Apache-2.0"],
    ],
    "servers": [["url": "/api/v1"]],
    // None at all, where nobody is asked who he is.
    "security": [[:], ["basic": []], ["bearer": []]],
    "tags": .array(
      AdminRoute.Topic.allCases.map { ["name": .string($0.rawValue), "description": .string($0.summary)] }),
    "paths": paths,
    "components": [
      "schemas": .object(AdminSchema.components.map { (name: $0.name, value: $0.schema) }),
      "responses": AdminFailure.responses, "headers": AdminFailure.headers,
      "securitySchemes": [
        "basic": ["type": "http", "scheme": "basic"], "bearer": ["type": "http", "scheme": "bearer"],
      ],
    ],
  ]

  private static let description = """
    Errors are `application/problem+json`. Statuses of the Artifacts API are kept, also those that are not listed here; \
    its 401 and 403 become 502. Unknown fields and query parameters are refused. HEAD is served wherever GET is. \
    Calls that change something are refused when a page of another site makes them.
    """

  // MARK: Paths

  /// Operations by path, in the order of the table.
  private static var paths: JSONNode {
    var paths: [(name: String, value: JSONNode)] = []
    for isScoped in [false, true] {
      for route in AdminRoute.table where !isScoped || route.isInNamespace {
        let path = (isScoped ? "/namespaces/{namespace}" : "") + path(of: route)
        let method = route.method.rawValue.lowercased()
        let item: JSONNode = .object([(name: method, value: operation(route, isScoped: isScoped))])
        if let index = paths.firstIndex(where: { $0.name == path }) {
          paths[index].value = paths[index].value.merging(item)
        } else {
          paths.append((name: path, value: item))
        }
      }
    }
    return .object(paths)
  }

  private static func path(of route: AdminRoute) -> String {
    "/" + route.pattern.map { $0 == "{path...}" ? "{path}" : String($0) }.joined(separator: "/")
  }

  private static func operation(_ route: AdminRoute, isScoped: Bool) -> JSONNode {
    var operation: JSONNode = [
      "operationId": .string(route.id + (isScoped ? "InNamespace" : "")), "summary": .string(route.summary),
      "tags": [.string(route.topic.rawValue)],
    ]
    let parameters = parameters(route, isScoped: isScoped)
    if !parameters.isEmpty { operation = operation.merging(["parameters": .array(parameters)]) }
    if let body = route.body { operation = operation.merging(["requestBody": request(body)]) }
    return operation.merging(["responses": responses(route)])
  }

  private static func parameters(_ route: AdminRoute, isScoped: Bool) -> [JSONNode] {
    let pieces = (isScoped ? ["{namespace}"] : []) + route.pattern.filter { $0.hasPrefix("{") }
    let inPath = pieces.map { piece -> JSONNode in
      let name = String(piece.dropFirst().dropLast())
      var parameter: JSONNode = [
        "name": name == "path..." ? "path" : .string(name), "in": "path", "required": true,
        "schema": AdminRoute.rule(of: name).schema,
      ]
      if name == "path..." {
        parameter = parameter.merging(["description": "Its slashes may stand as they are."])
      }
      return parameter
    }
    let inQuery = route.query.map { field -> JSONNode in
      [
        "name": .string(field.name), "in": "query", "required": .bool(field.isRequired),
        "description": .string(field.summary), "schema": field.rule.schema,
      ]
    }
    return inPath + inQuery
  }

  private static func request(_ fields: [AdminField]) -> JSONNode {
    let properties = fields.map { field in
      let schema = field.isRequired ? field.rule.schema : field.rule.schema.orNull
      return (name: field.name, value: schema.merging(["description": .string(field.summary)]))
    }
    let required = fields.filter(\.isRequired).map { JSONNode.string($0.name) }
    var schema: JSONNode = ["type": "object", "additionalProperties": false, "properties": .object(properties)]
    if !required.isEmpty { schema = schema.merging(["required": .array(required)]) }
    return [
      "required": .bool(!required.isEmpty), "description": "At most 1 MiB. A field that is null counts as not there.",
      "content": ["application/json": ["schema": schema]],
    ]
  }

  private static func responses(_ route: AdminRoute) -> JSONNode {
    let successes = route.answers.map { (name: "\($0.status)", value: $0.response) }
    let failures = route.allFailures.sorted().map { status in
      (name: "\(status)", value: ["$ref": .string("#/components/responses/\(status)")] as JSONNode)
    }
    let heads = AdminFailure.ofHeads.map { failure in
      (name: "\(failure.status)", value: ["$ref": .string("#/components/responses/\(failure.status)")] as JSONNode)
    }
    return .object((successes + failures + heads).sorted { $0.name < $1.name })
  }
}

extension JSONNode {
  /// A schema that takes null, too.
  fileprivate var orNull: JSONNode {
    guard case .object(let members) = self else { return self }
    return .object(
      members.map { member in
        switch (member.name, member.value) {
        case ("type", .string(let type)): (name: "type", value: [.string(type), "null"])
        case ("type", .array(let types)): (name: "type", value: .array(types + ["null"]))
        // JSON Schema has no null beside the words unless it is one of them.
        case ("enum", .array(let words)): (name: "enum", value: .array(words + [.null]))
        default: member
        }
      })
  }
}

extension AdminRoute.Topic {
  fileprivate var summary: String {
    switch self {
    case .repos: "Making, finding and deleting repositories."
    case .tokens: "Tokens that open one repository for git."
    case .content: "What is in a repository: commits, trees and the bytes of files."
    case .namespaces: "Sets of repositories."
    case .gateway: "The gateway itself."
    }
  }
}
