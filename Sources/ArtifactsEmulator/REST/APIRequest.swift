/// A request to the control plane, free of any transport.
package struct APIRequest: Sendable {
  package var method: String
  /// What follows `/client/v4`, percent-encoded as it came.
  package var path: String
  /// What follows `?`, as it came; empty when there is none.
  package var query: String
  /// The value of `Authorization`.
  package var authorization: String?
  /// The value of `Content-Type`.
  package var contentType: String?
  package var body: [UInt8]

  package init(
    method: String, path: String, query: String = "", authorization: String? = nil, contentType: String? = nil,
    body: [UInt8] = []
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.authorization = authorization
    self.contentType = contentType
    self.body = body
  }
}

/// The control plane's answer.
package struct APIReply: Sendable, Equatable {
  package var status: Int
  /// Nil when there is no body at all.
  package var contentType: String?
  package var body: [UInt8]

  package init(status: Int, contentType: String?, body: [UInt8]) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }

  /// What the service says on a route that it does not have: plain text, no envelope.
  static let unknownRoute = APIReply(
    status: 404, contentType: "text/plain; charset=UTF-8", body: Array("404 Not Found".utf8))

  /// Done, and nothing to tell.
  static let noContent = APIReply(status: 204, contentType: nil, body: [])

  /// The v4 envelope around a result. Its members come in the order that the service was recorded with.
  static func success(_ result: JSONValue, status: Int = 200, info: JSONValue? = nil) -> APIReply {
    var members: [JSONValue.Member] = [
      .init(name: "result", value: result), .init(name: "success", value: .bool(true)),
      .init(name: "errors", value: .array([])), .init(name: "messages", value: .array([])),
    ]
    if let info { members.append(.init(name: "result_info", value: info)) }
    return APIReply(status: status, contentType: "application/json", body: JSONValue.object(members).bytes)
  }

  /// The v4 envelope around an error.
  static func failure(_ fault: APIFault) -> APIReply {
    let envelope = JSONValue.members([
      "result": .null, "success": .bool(false), "errors": .array([fault.json]), "messages": .array([]),
    ])
    return APIReply(status: fault.status, contentType: "application/json", body: envelope.bytes)
  }
}
