import FoundationEssentials
import GatewayTestSupport
import Testing

/// A problem of the admin API, as a client reads it.
struct AdminProblem: Decodable {
  var status: Int
  var title: String
  var detail: String
  var code: Int?
  var name: String?
  var pointer: String?
  var request_id: String
}

extension TestGateway {
  /// One call of the admin API.
  func call(
    _ method: String, _ path: String, _ body: String? = nil, _ fields: [(String, String)] = []
  ) async throws -> HTTPAnswer {
    let type = body == nil ? [] : [("Content-Type", "application/json")]
    return try await ask(HTTPRequest(method, "/api/v1\(path)", type + fields, body: Array((body ?? "").utf8)))
  }
}

extension HTTPAnswer {
  static func decoded<Value: Decodable>(_ bytes: [UInt8], _ type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: Data(bytes))
  }

  func decoded<Value: Decodable>(_ type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: Data(body))
  }
}

/// Checks that a call was refused as a problem.
@discardableResult
func expectProblem(
  _ answer: HTTPAnswer, _ status: Int, pointer: String? = nil, code: Int? = nil,
  sourceLocation: SourceLocation = #_sourceLocation
) throws -> AdminProblem {
  #expect(answer.status == status, "\(answer)", sourceLocation: sourceLocation)
  #expect(answer.field("content-type") == "application/problem+json", sourceLocation: sourceLocation)
  let problem = try answer.decoded(AdminProblem.self)
  #expect(problem.status == status, sourceLocation: sourceLocation)
  #expect(problem.pointer == pointer, sourceLocation: sourceLocation)
  #expect(problem.code == code, sourceLocation: sourceLocation)
  #expect(problem.request_id == answer.field("x-request-id"), sourceLocation: sourceLocation)
  return problem
}
