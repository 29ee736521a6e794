import HTTPCore

extension Exchange {
  private static let page = "<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Error</h1></body></html>\n"

  /// Lets the request suffer `actions`, in order. Returns false when that was its answer.
  /// - Parameter isAPI: an error status then comes in the service's envelope.
  func suffer(_ actions: [Fault.Action], isAPI: Bool, store: Store) async throws -> Bool {
    for action in actions {
      switch action {
      case .latency(let time): try await pause(.milliseconds(time))
      case .firstByte(let time): delay += .milliseconds(time)
      case .cut(let count): bytesLeft = min(bytesLeft ?? count, count)
      case .expireTokens: try await store.expireTokens()
      case .garbage:
        try await respond(
          status: 200, fields: Fields([(.contentType, "application/json")]), body: Array("{\"result\":[}\u{0}".utf8))
        return false
      case .html(let status):
        try await respond(
          status: status, fields: Fields([(.contentType, "text/html; charset=UTF-8")]), body: Array(Self.page.utf8))
        return false
      case .status(let status, let retryAfter):
        try await refuse(status, retryAfter: retryAfter, isAPI: isAPI)
        return false
      }
    }
    return true
  }

  private func refuse(_ status: Int, retryAfter: Int?, isAPI: Bool) async throws {
    var fields = Fields()
    if let retryAfter { fields.append(.retryAfter, "\(retryAfter)") }
    guard isAPI else {
      fields.append(.contentType, "text/plain; charset=UTF-8")
      return try await respond(status: status, fields: fields, body: Array("Injected fault".utf8))
    }
    fields.append(.contentType, "application/json")
    let code = status >= 500 ? 10400 : 10000
    let reply = APIReply.failure(APIFault(status: status, code: code, message: "Injected fault"))
    try await respond(status: status, fields: fields, body: reply.body)
  }
}
