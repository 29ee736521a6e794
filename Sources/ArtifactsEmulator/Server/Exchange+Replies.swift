import HTTPCore

extension Exchange {
  /// Answers in plain text, which git shows behind `remote:`.
  func respond(status: Int, text: String, challenge: String? = nil) async throws {
    var fields = Fields([(.contentType, "text/plain; charset=UTF-8")])
    if let challenge { fields.append(.wwwAuthenticate, challenge) }
    try await respond(status: status, fields: fields, body: Array(text.utf8))
  }

  /// Answers with what the control plane says.
  func respond(_ reply: APIReply) async throws {
    var fields = Fields()
    if let type = reply.contentType { fields.append(.contentType, type) }
    try await respond(status: reply.status, fields: fields, body: reply.body)
  }

  /// Answers on a route that is not there.
  func respondUnknown() async throws {
    try await respond(status: 404, text: "404 Not Found")
  }
}
