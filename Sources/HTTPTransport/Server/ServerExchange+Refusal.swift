import HTTPCore

extension ServerExchange {
  /// Answers where the handler has not: with the client's own fault if that was in the body, else with 500.
  func answer(inPlaceOf handler: any RequestHandler) async throws(TransportError) {
    switch bodyFailure {
    case .malformed(let error): try await refuse(error.status, error.reason, handler, isRead: true)
    case .timedOut: try await refuse(408, "the body of the request took too long", handler, isRead: true)
    default: try await respond(status: 500)
    }
  }

  /// Answers a request that is not served.
  /// - Parameters:
  ///   - reason: holds nothing of the request.
  ///   - isRead: its head was, and the handler has seen it.
  func refuse(
    _ status: Int, _ reason: String, _ handler: any RequestHandler, isRead: Bool = false
  ) async throws(TransportError) {
    var fields = handler.fields(ofRefusal: status, reason, from: peer, on: isRead ? self : nil)
    fields.append(.contentType, "text/plain; charset=utf-8")
    if status == 405 { fields.append(.allow, Self.allowedMethods) }
    try await respond(status: status, fields: fields, body: Array("\(reason)\n".utf8))
  }

  /// For those that no handler has to see (RFC 9110 section 15.5.6).
  static var allowedMethods: String { "GET, HEAD, POST, PUT, DELETE" }
}
