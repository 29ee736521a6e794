import GitProtocol
import HTTPCore
import HTTPTransport

/// Says to a client that its request failed, in the form that this client shows to its user.
///
/// git hides a status and its text on POSTs, and on a push even claims success; so it gets status 200 and the text inside
/// the Git protocol. Other clients get the status.
struct ErrorReply {
  let error: ProxyError
  let requestID: RequestID

  /// The line that the user sees.
  var text: String { "\(error.text) (req \(requestID))" }

  /// - Parameter inSideband: for a push, whether `side-band-64k` was negotiated; for a fetch it makes no difference.
  func send(on exchange: ServerExchange, _ route: GitRoute, inSideband: Bool, isProbe: Bool)
    async throws(TransportError)
  {
    // A wrong content type is no git's, whatever the client calls itself.
    guard route.operation == .service, error.status != 415, Self.isGit(exchange.request) else {
      return try await sendStatus(on: exchange)
    }
    switch route.service {
    case .uploadPack:
      try await sendResult(on: exchange, route, GitError.errPacket(text))
    case .receivePack where isProbe:
      // The push that follows carries the message; an error here would only stop it from being sent.
      try await sendResult(on: exchange, route, [])
    case .receivePack where inSideband:
      try await sendResult(on: exchange, route, GitError.bandThree(text))
    case .receivePack:
      try await sendStatus(on: exchange)
    }
  }

  private func sendResult(on exchange: ServerExchange, _ route: GitRoute, _ body: [UInt8]) async throws(TransportError)
  {
    var fields = Fields([(.contentType, route.service.resultContentType), (.cacheControl, "no-cache")])
    mark(&fields)
    try await exchange.respond(status: 200, fields: fields, body: body)
  }

  /// The real status with the text as a plain body.
  /// - Parameter challenges: for `WWW-Authenticate`.
  func sendStatus(
    on exchange: ServerExchange, allow: String? = nil, challenges: [String] = []
  ) async throws(TransportError) {
    var fields = Fields([(.contentType, "text/plain; charset=utf-8"), (.cacheControl, "no-cache")])
    for challenge in challenges { fields.append(.wwwAuthenticate, challenge) }
    if let allow { fields.append(.allow, allow) }
    if let seconds = error.retryAfter?.components.seconds { fields.append(.retryAfter, "\(max(1, seconds))") }
    mark(&fields)
    let body = "artifacts-gateway: \(GitError.sanitised(text))\n"
    try await exchange.respond(status: error.status, fields: fields, body: Array(body.utf8))
  }

  private func mark(_ fields: inout Fields) {
    fields.append("x-artifacts-gateway-error", error.code.rawValue)
    fields.append("x-request-id", requestID.description)
  }

  /// Whether the client is git in one of its makes: git, JGit, libgit2, go-git, dulwich all say so.
  static func isGit(_ request: RequestHead) -> Bool {
    request.fields[.userAgent]?.lowercased().utf8.contains(subsequence: "git") ?? false
  }
}

extension String.UTF8View {
  fileprivate func contains(subsequence text: StaticString) -> Bool {
    let pattern = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    var start = startIndex
    while let end = index(start, offsetBy: pattern.count, limitedBy: endIndex) {
      if self[start..<end].elementsEqual(pattern) { return true }
      start = index(after: start)
    }
    return false
  }
}
