import Gateway
import GatewayTestSupport
import HTTPCore
import Testing

/// The OpenAPI document against what the gateway does. That every answer of every test is in it, `AdminContract` sees to.
@Suite(.timeLimit(.minutes(5))) struct AdminDocumentTests {
  @Test func `it is served as it is printed`() async throws {
    try await TestGateway.with { test async throws in
      let answer = try await test.call("GET", "/openapi.json")
      #expect(answer.status == 200 && answer.field("content-type") == "application/json")
      #expect(answer.text == AdminDocument.text + "\n")
      #expect(await test.apiServer.requests.isEmpty)
    }
    #expect(AdminContract.document["openapi"].text == "3.1.0")
    #expect(AdminContract.document["info"]["version"].text == GatewayVersion.number)
  }

  @Test func `every call has a name of its own, and words about it`() {
    let operations = AdminContract.operations
    #expect(Set(operations.map { $0.content["operationId"].text }).count == operations.count)
    for operation in operations {
      #expect(operation.content["summary"].text?.isEmpty == false, "\(operation)")
      let tag = operation.content["tags"].items.first
      #expect(AdminContract.document["tags"].items.contains { $0["name"] == tag }, "\(operation)")
    }
  }

  @Test func `every reference leads somewhere`() {
    var references: Set<String> = []
    func visit(_ tree: JSONTree) {
      if let reference = tree["$ref"].text { references.insert(reference) }
      for child in tree.items + Array(tree.members.values) { visit(child) }
    }
    visit(AdminContract.document)
    #expect(references.count > 20)
    var components: Set<String> = []
    // Schemes of credentials are named, not referred to.
    for (kind, named) in AdminContract.document["components"].members where kind != "securitySchemes" {
      components.formUnion(named.members.keys.map { "#/components/\(kind)/\($0)" })
    }
    // And nothing stands there that nobody needs.
    #expect(references == components)
  }

  @Test func `the methods of every path are those that are served`() async throws {
    try await TestGateway.with { test async throws in
      for (path, operations) in Dictionary(grouping: AdminContract.operations, by: \.path) {
        let documented = Set(operations.map(\.method))
        let target = AdminSample(operations[0]).target
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
          let answer = try await test.ask(HTTPRequest(method, target))
          #expect((answer.status == 405) == !documented.contains(method), "\(method) \(path): \(answer)")
          guard answer.status == 405 else { continue }
          let allowed = Set((answer.field("allow") ?? "").split(separator: ",").map { String($0.filter { $0 != " " }) })
          #expect(allowed.subtracting(["HEAD"]) == documented, "\(path)")
        }
      }
    }
  }

  @Test func `every field goes to the API`() async throws {
    let api = ScriptedAPI()
    api.onOther { request in
      request.isPost
        ? ScriptedAPI.success(#"{"id":"i","name":"sample","namespace":"sample"}"#, status: 201)
        : ScriptedAPI.failure(404, 10200, "Repository not found")
    }
    try await TestGateway.with(api: api) { test async throws in
      for operation in AdminContract.operations where operation.body != .null {
        var sample = AdminSample(operation)
        var sent: [String: JSONTree] = [:]
        for (name, schema) in operation.body["properties"].members {
          let value = AdminSample.value(of: name, schema)
          let isText = !["true", "false"].contains(value) && Int(value) == nil
          sample = sample.with(field: name, isText ? "\"\(value)\"" : value)
          sent[name] = isText ? .string(value) : Int(value).map { .number(Double($0)) } ?? .bool(value == "true")
        }
        #expect(try await test.ask(sample.request()).status == 201, "\(operation)")
        let body = try JSONTree(parsing: try #require(await test.apiServer.requests.last).body)
        for (name, value) in sent { #expect(body[name] == value, "\(operation): \(name)") }
      }
    }
  }

  // MARK: Answers

  private static let hash = String(repeating: "a", count: 40)

  /// All that the service tells of anything, in one object.
  private static let everything = """
    {"id":"i","name":"n","description":"d","default_branch":"main","created_at":"t","updated_at":"t","last_push_at":"t",\
    "source":"s","read_only":true,"remote":"https://x/git/n.git","status":"ready","objects":1,"token":"art_v1_t",\
    "scope":"read","state":"active","expires_at":"2030-01-01T00:00:00Z","plaintext":"art_v1_p","namespace":"ns",\
    "jurisdiction":"eu","repo_count":1,"hash":"\(hash)","treeHash":"\(hash)","message":"m",\
    "author":{"name":"a","email":"e"},"committer":{"name":"a","email":"e"},"parents":["\(hash)"],"authoredAt":1,\
    "committedAt":1,"mode":"100644","type":"blob"}
    """
  /// What it never leaves out.
  private static let little = #"{"id":"i","name":"n","namespace":"ns","plaintext":"art_v1_p","hash":"\#(hash)"}"#

  @Test(arguments: [true, false])
  func `every answer is as its schema says, and has all that the schema has`(isFull: Bool) async throws {
    let object = isFull ? Self.everything : Self.little
    let result: @Sendable (RecordedRequest) -> ScriptedAnswer = { request in
      let last = request.head.path.split(separator: "/").last ?? ""
      let isList =
        !request.isPost && ["repos", "tokens", "log", "namespaces", "tree"].contains(last)
        || request.head.path.contains("/tree/")
      let info = isFull ? #","result_info":{"cursor":"c","page":1,"per_page":1,"total_count":1,"total_pages":1}"# : ""
      return .json(
        request.isPost ? 201 : 200, #"{"result":\#(isList ? "[\(object)]" : object),"success":true\#(info)}"#)
    }
    let api = ScriptedAPI()
    api.onOther(result)
    try await TestGateway.with(api: api) { test async throws in
      for operation in AdminContract.operations {
        guard operation.content["responses"]["200"]["content"].members["*/*"] == nil, !operation.statuses.contains(204)
        else { continue }
        var sample = AdminSample(operation)
        // Lists are told from the account's collection of namespaces by their end.
        if operation.parameters(in: "query").contains(where: { $0["name"].text == "include_token" }) {
          sample = sample.with(query: "include_token", "true")
        }
        let answer = try await test.ask(sample.request())
        #expect((200..<300).contains(answer.status), "\(operation): \(answer)")
        let schema = operation.answer(answer.status)
        if operation.path == "/openapi.json" { continue }
        for fault in Conformance.faults(of: try JSONTree(parsing: answer.body), schema, isFull: isFull) {
          Issue.record("\(operation): \(fault): \(answer)")
        }
      }
    }
  }
}

/// Holds a value against a schema of the document: of JSON Schema, what the document uses.
enum Conformance {
  /// - Parameter isFull: the value must have all that the schema has.
  static func faults(of value: JSONTree, _ schema: JSONTree, isFull: Bool, at place: String = "") -> [String] {
    let schema = AdminContract.resolve(schema)
    let types = Set((schema["type"].items + [schema["type"]]).compactMap(\.text))
    // A whole number is a number (JSON Schema, validation section 6.1.1).
    guard types.contains(type(of: value)) || types.contains("number") && type(of: value) == "integer" else {
      return ["\(place) is \(type(of: value)), not \(types)"]
    }
    if case .array(let items) = value {
      return items.flatMap { faults(of: $0, schema["items"], isFull: isFull, at: "\(place)[]") }
    }
    guard case .object(let members) = value else { return [] }
    let known = schema["properties"].members
    var found: [String] = []
    for (name, member) in members {
      guard let schema = known[name] else {
        found.append("\(place)/\(name) is not in the schema")
        continue
      }
      found += faults(of: member, schema, isFull: isFull, at: "\(place)/\(name)")
    }
    let needed = isFull ? Set(known.keys) : Set(schema["required"].items.compactMap(\.text))
    // What only lists, forks and those who ask for it are told comes with everything here, so that nothing is excused.
    for name in needed.subtracting(members.keys) { found.append("\(place)/\(name) is missing") }
    return found
  }

  private static func type(of value: JSONTree) -> String {
    switch value {
    case .null: "null"
    case .bool: "boolean"
    case .number(let number): Int(exactly: number) == nil ? "number" : "integer"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    }
  }
}
