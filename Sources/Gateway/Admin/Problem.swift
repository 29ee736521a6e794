import ArtifactsAPI
import FoundationEssentials
import HTTPCore
import HTTPTransport

/// An error of the admin API: `application/problem+json` (RFC 9457).
struct Problem: Error, Encodable {
  var type = "about:blank"
  var title: String
  var status: Int
  var detail: String
  /// Upstream's number and its name.
  var code: Int?
  var name: String?
  var pointer: String?
  var request_id: String?
  /// For `Allow`.
  var allow: String?
  /// Seconds, for `Retry-After`.
  var retryAfter: Int?
  /// For `WWW-Authenticate`.
  var challenges: [String] = []

  private enum CodingKeys: String, CodingKey {
    case type, title, status, detail, code, name, pointer, request_id
  }

  /// The same as a word for programs: upstream's name, else the status.
  var word: String { (name ?? title.replacingBlanks).lowercased() }

  init(_ status: Int, _ detail: String, pointer: String? = nil, allow: String? = nil, code: Int? = nil) {
    self.status = status
    self.allow = allow
    self.detail = detail
    self.pointer = pointer
    title = Status.phrase(status).description
    self.code = code
    name = code.flatMap { Self.names[$0] }
  }

  func send(on exchange: ServerExchange, requestID: String) async throws(TransportError) {
    var problem = self
    problem.request_id = requestID
    var fields = Fields([(.contentType, "application/problem+json"), (.cacheControl, "no-store")])
    fields.append("x-request-id", requestID)
    fields.append("x-artifacts-gateway-error", word)
    if let allow { fields.append(.allow, allow) }
    for challenge in challenges { fields.append(.wwwAuthenticate, challenge) }
    if let retryAfter { fields.append(.retryAfter, "\(max(1, retryAfter))") }
    // Of those it is the message that was wrong, and not its content.
    if status == 405 || status == 408 || status == 413 || status == 415 { exchange.closesConnection = true }
    try await exchange.respond(status: status, fields: fields, body: AdminJSON.line(problem))
  }

  /// Keeps what the service said; what it did not say for itself becomes 502 or 504.
  init(_ error: ArtifactsError) {
    switch error.kind {
    case .refused(let status, let code, let pointer):
      // The caller's own credentials are not at fault when the API refuses ours.
      let isOurs = status == 401 || status == 403 || status == 407 || !(400...599).contains(status)
      self.init(isOurs ? 502 : status, error.message, pointer: pointer, code: code)
    case .unreachable(.timedOut): self.init(504, "the Artifacts API did not answer in time")
    case .unreachable: self.init(502, "the Artifacts API is not reachable: \(error.message)")
    case .unreadable(let status): self.init(status == 429 ? 429 : 502, error.message)
    case .noCredentials: self.init(502, error.message)
    case .notAsked: self.init(503, error.message)
    }
    retryAfter = error.retryAfter.map { Int($0.components.seconds) } ?? (status == 429 ? 1 : nil)
  }

  private static let names: [Int: String] = [
    10100: "INVALID_INPUT", 10101: "INVALID_REPO_NAME", 10103: "INVALID_TTL", 10104: "INVALID_URL",
    10106: "REMOTE_AUTH_REQUIRED", 10200: "NOT_FOUND", 10201: "ALREADY_EXISTS", 10301: "CREATE_IN_PROGRESS",
    10302: "IMPORT_IN_PROGRESS", 10303: "FORK_IN_PROGRESS", 10400: "INTERNAL_ERROR", 10401: "UPSTREAM_UNAVAILABLE",
    10402: "MEMORY_LIMIT",
  ]
}

extension String {
  fileprivate var replacingBlanks: String { String(map { $0 == " " ? "_" : $0 }) }
}
