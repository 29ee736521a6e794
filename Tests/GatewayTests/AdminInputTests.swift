import GatewayTestSupport
import Testing

/// Bad input to every call of the document, so that a new call is covered by being there.
@Suite(.timeLimit(.minutes(5))) struct AdminInputTests {
  /// A request that must be refused, and what the problem must point at; nil for anything.
  struct Bad: CustomStringConvertible {
    let what: String
    let request: HTTPRequest
    var status = 400
    var pointer: String?
    var description: String { "\(what): \(request.method) \(request.target)" }
  }

  /// Sends each; all must be refused by the gateway alone, which goes on.
  private func expectRefused(_ bad: [Bad]) async throws {
    #expect(!bad.isEmpty)
    try await TestGateway.with { test async throws in
      for bad in bad {
        let answer = try await test.ask(bad.request)
        #expect(answer.status == bad.status, "\(bad): \(answer)")
        #expect(answer.field("content-type") == "application/problem+json", "\(bad)")
        let problem = try answer.decoded(AdminProblem.self)
        if let pointer = bad.pointer {
          #expect(problem.pointer == pointer, "\(bad): \(answer)")
          #expect(problem.detail.contains(pointer.dropFirst()) || pointer == "/query", "\(bad): \(answer)")
        }
      }
      #expect(await test.apiServer.requests.isEmpty)
      #expect(try await test.call("GET", "/status").status == 200)
    }
  }

  private static var samples: [AdminSample] { AdminContract.operations.map(AdminSample.init) }
  private static var withBody: [AdminSample] { samples.filter { $0.operation.body != .null } }

  @Test func `a body that is no JSON object of scalars is refused by every call that takes one`() async throws {
    try await expectRefused(
      Self.withBody.flatMap { sample -> [Bad] in
        let field = sample.operation.body["properties"].members.keys.sorted()[0]
        let whole = Array((sample.body ?? "").utf8)
        let bodies: [(String, [UInt8])] = [
          ("array", Array("[\(sample.body ?? "")]".utf8)), ("text", Array("\"x\"".utf8)), ("null", Array("null".utf8)),
          ("cut", whole.dropLast()), ("trailing", whole + Array(" x".utf8)), ("two", whole + whole),
          ("not UTF-8", Array(#"{"\#(field)":""#.utf8) + [0xff] + Array(#""}"#.utf8)),
          ("no UTF-8 surrogate", Array(#"{"\#(field)":""#.utf8) + [0xed, 0xa0, 0x80] + Array(#""}"#.utf8)),
          ("byte order mark", [0xef, 0xbb, 0xbf] + whole), ("NUL", whole + [0]),
        ]
        let deep = String(repeating: "[", count: 100_000)
        return bodies.map { Bad(what: $0.0, request: sample.request(body: $0.1), pointer: nil) } + [
          Bad(what: "deep", request: sample.request(body: Array(deep.utf8))),
          Bad(
            what: "deep inside", request: sample.request(body: Array(#"{"\#(field)":\#(deep)"#.utf8)),
            pointer: "/\(field)"),
        ]
      })
  }

  @Test func `a body of another type, or too long, is refused by every call that takes one`() async throws {
    try await expectRefused(
      Self.withBody.flatMap { sample -> [Bad] in
        let body = Array((sample.body ?? "").utf8)
        let padded = body + [UInt8](repeating: 0x20, count: (1 << 20) + 1 - body.count)
        var chunked = sample.request(body: padded)
        chunked.framing = .chunked(65_536)
        return [
          Bad(what: "too long", request: sample.request(body: padded), status: 413),
          Bad(what: "too long in chunks", request: chunked, status: 413),
        ]
          + [[], [("Content-Type", "text/plain")], [("Content-Type", "application/json-patch+json")]].map {
            Bad(
              what: "type \($0)", request: HTTPRequest(sample.operation.method, sample.target, $0, body: body),
              status: 415)
          }
      })
  }

  @Test func `a field that is missing, unknown, twice or not what it should be is refused by its name`() async throws {
    try await expectRefused(
      Self.withBody.flatMap { sample -> [Bad] in
        var bad = [
          Bad(
            what: "unknown", request: sample.with(field: "no_such_field", "1").request(), pointer: "/no_such_field")
        ]
        for (name, schema) in sample.operation.body["properties"].members.sorted(by: { $0.key < $1.key }) {
          for (what, value) in Self.badValues(schema) {
            bad.append(Bad(what: what, request: sample.with(field: name, value).request(), pointer: "/\(name)"))
          }
          let value = #""\#(AdminSample.value(of: name, schema))""#
          let first = sample.with(field: name, value).body ?? ""
          let twice = first.dropLast() + #","\#(name)":\#(value)}"#
          if schema["type"] != .array([.string("boolean"), .string("null")]), !Self.isWhole(schema) {
            bad.append(Bad(what: "twice", request: sample.request(body: Array(twice.utf8)), pointer: "/\(name)"))
          }
        }
        for name in sample.operation.body["required"].items.compactMap(\.text) {
          for value in [nil, "null"] {
            bad.append(Bad(what: "missing", request: sample.with(field: name, value).request(), pointer: "/\(name)"))
          }
        }
        // The field that is named is the first that is missing.
        if sample.operation.body["required"] != .null {
          bad.append(Bad(what: "no body", request: HTTPRequest(sample.operation.method, sample.target)))
          bad.append(Bad(what: "empty body", request: sample.request(body: [])))
        }
        return bad
      })
  }

  private static func isWhole(_ schema: JSONTree) -> Bool { schema["type"].items.contains(.string("integer")) }

  /// Raw JSON that a field with this schema must not have.
  private static func badValues(_ schema: JSONTree) -> [(String, String)] {
    let types = Set((schema["type"].items + [schema["type"]]).compactMap(\.text))
    var values = [("object", "{}"), ("array", "[]"), ("object inside", #"{"a":1}"#)]
    values += ["\\ud800", "\\udc00\\ud800", "\\ud800x", "\\u12", "\\q"].map { ("escape", "\"\($0)\"") }
    values += ["1.5", "1e-1", "1e999", "-1e999", "123456789012345678901234567890", "01", "-", "1.", "0x1", "nul"]
      .map { ("number", $0) }
    values.append(("line break", "\"a\nb\""))
    if !types.contains("boolean") { values.append(("boolean", "true")) }
    if types.contains("integer") {
      for bound in [(schema["minimum"].number ?? 0) - 1, (schema["maximum"].number ?? 0) + 1] {
        values.append(("out of range", "\(bound)"))
      }
    } else {
      values.append(("number", "7"))
    }
    if types.contains("string") {
      values.append(("NUL", #""a\u0000b""#))
      let most = schema["maxLength"].number ?? 100
      values.append(("too long", "\"\(String(repeating: "a", count: most + 1))\""))
      if let least = schema["minLength"].number, least > 0 { values.append(("empty", "\"\"")) }
      if schema["enum"] != .null { values.append(("another word", "\"other\"")) }
    } else {
      values.append(("text", "\"true\""))
    }
    return values
  }

  @Test func `a parameter of a query that is unknown, twice or not what it should be is refused by its name`()
    async throws
  {
    try await expectRefused(
      Self.samples.flatMap { sample -> [Bad] in
        var bad = ["no_such=1", "no_such", "%zz=1", "%ff=1", "=", "%00=1"].map { text -> Bad in
          var request = sample.request()
          request.target += (request.target.contains("?") ? "&" : "?") + text
          return Bad(what: "unknown", request: request, pointer: "/query")
        }
        for parameter in sample.operation.parameters(in: "query") {
          let (name, schema) = (parameter["name"].text ?? "", parameter["schema"])
          for value in Self.badTexts(schema) {
            bad.append(
              Bad(what: "value", request: sample.with(query: name, value).request(), pointer: "/\(name)"))
          }
          var twice = sample.with(query: name, AdminSample.value(of: name, schema))
          twice.query.append((name, AdminSample.value(of: name, schema)))
          bad.append(Bad(what: "twice", request: twice.request(), pointer: "/\(name)"))
          if parameter["required"] == .bool(true) {
            bad.append(
              Bad(what: "missing", request: sample.with(query: name, nil).request(), pointer: "/\(name)"))
          }
        }
        return bad
      })
  }

  /// Raw text that a parameter with this schema must not have.
  private static func badTexts(_ schema: JSONTree) -> [String] {
    var texts = ["%", "%f", "%zz", "%ff", "%ed%a0%80", "a%00b"]
    let most = schema["maxLength"].number ?? 20
    // What does not fit into a request is refused before, as 414.
    texts.append(String(repeating: "a", count: most + 1))
    if schema["minLength"] != .number(0), schema["format"] != .string("cursor") { texts.append("") }
    switch schema["type"].text {
    case "integer":
      texts += ["x", "1.5", "1e1", "-1", "+1", "0x1", "%201", "99999999999999999999"]
      texts.append("\((schema["minimum"].number ?? 0) - 1)")
      texts.append("\((schema["maximum"].number ?? 0) + 1)")
    case "boolean": texts += ["1", "TRUE", "yes"]
    default: if schema["enum"] != .null { texts += ["other", "ASC", "name%20"] }
    }
    return texts
  }

  @Test func `a parameter of a path that is not what it should be is refused by its name`() async throws {
    try await expectRefused(
      Self.samples.flatMap { sample -> [Bad] in
        sample.path.keys.sorted().flatMap { name -> [Bad] in
          let isName = !["hash", "ref", "path"].contains(name)
          let values =
            [String(repeating: "a", count: 1025)] + (isName ? ["-a", "a%20b", "a%2Fb", "%C3%A4", "a!"] : [])
            + (name == "hash" ? [String(repeating: "A", count: 40), "aa"] : ["a%2F%2Fb"])
          let broken = ["%", "%zz", "%ff", "a%00", "%2e%2e", "."]
          return (values + broken).map { value in
            var copy = sample
            copy.path[name] = value
            let isBroken = broken.contains(value)
            return Bad(what: "path", request: copy.request(), pointer: isBroken ? "/path" : "/\(name)")
          }
        }
      })
  }
}
