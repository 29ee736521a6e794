package import ArtifactsAPI
package import HTTPTransport

/// Why a request could not be served: what the client is told, and how.
package struct ProxyError: Error, Sendable, CustomStringConvertible {
  /// A stable word for programs: the value of `X-Artifacts-Gateway-Error`.
  package enum Code: String, Sendable {
    case badRequest = "bad_request"
    case noSuchRepo = "no_such_repo"
    case credentials = "credentials"
    case forbidden = "forbidden"
    case hostNotAllowed = "host_not_allowed"
    case wrongMethod = "method_not_allowed"
    case readOnly = "read_only"
    case remoteRefused = "remote_refused"
    case upstreamUnreachable = "upstream_unreachable"
    case upstreamTimeout = "upstream_timeout"
    case upstreamError = "upstream_error"
    case upstreamRedirect = "upstream_redirect"
    case upstreamMalformed = "upstream_malformed"
    case rateLimited = "rate_limited"
    case cut = "upstream_cut"
    case notFound = "not_found"
    case busy = "busy"
    /// Somebody has asked for more than he may.
    case overLimit = "over_limit"
    /// A push brings what is larger than allowed.
    case tooLarge = "too_large"
    case badConfiguration = "bad_configuration"
    case unauthenticated = "unauthenticated"
    case tooManyFailures = "too_many_failures"
  }

  package let code: Code
  /// For clients that are not git, and for `info/refs`.
  package let status: Int
  /// One line: the cause, and the next step where there is one. May hold text of the upstream; whoever prints it escapes it.
  package let text: String
  package let retryAfter: Duration?
  /// What the log says in place of the text: what the client is not to know.
  package var reason: String?
  /// It is a part of how things go: git asks without credentials first.
  package var isRoutine = false

  package init(_ code: Code, status: Int, _ text: String, retryAfter: Duration? = nil) {
    self.code = code
    self.status = status
    self.text = text
    self.retryAfter = retryAfter
  }

  package var description: String { text }

  /// The client's message was at fault, and nobody knows what else it gets wrong: no other is read.
  var isEndOfConnection: Bool { code == .wrongMethod || code == .badRequest }

  /// The upstream, or the API, could not be talked to.
  package init(_ error: TransportError, talkingTo peer: some CustomStringConvertible) {
    switch error {
    case .timedOut:
      self.init(.upstreamTimeout, status: 504, "\(peer) did not answer in time")
    case .malformed(let problem):
      self.init(.upstreamMalformed, status: 502, "\(peer) answered with something that is not HTTP: \(problem)")
    case .forbiddenAddress(let host):
      self.init(
        .remoteRefused, status: 502,
        "\(peer) is refused: \(host) has a private or local address; see --allow-private-upstream")
    case .connect, .resolution, .proxyRefused:
      self.init(.upstreamUnreachable, status: 502, "cannot reach \(peer): \(error)")
    case .tls:
      self.init(.upstreamUnreachable, status: 502, "no trusted connection to \(peer): \(error)")
    case .closed, .peerClosed, .system, .tooLong, .reset:
      self.init(.upstreamUnreachable, status: 502, "the connection to \(peer) broke: \(error)")
    }
  }

  /// The API refused, or could not be asked, while something about `repo` was wanted.
  package init(_ error: ArtifactsError, about repo: RepoKey, wanting what: String) {
    switch error.kind {
    case .unreachable(let problem):
      let timedOut = problem == .timedOut
      self.init(
        timedOut ? .upstreamTimeout : .upstreamUnreachable, status: timedOut ? 504 : 502,
        "cannot \(what): the Artifacts API is not reachable: \(problem)")
    case .noCredentials:
      self.init(
        .credentials, status: 502,
        "cannot \(what): \(error.message); set CLOUDFLARE_API_TOKEN or --api-token-file, or try serve --local")
    case .notAsked:
      self.init(.upstreamUnreachable, status: 503, "cannot \(what): \(error.message)", retryAfter: error.retryAfter)
    case .unreadable:
      self.init(.upstreamError, status: 502, "cannot \(what): \(error.message)", retryAfter: error.retryAfter)
    case .refused(let status, let code, _):
      self = Self.refused(error, status, code, repo, what)
    }
  }

  private static func refused(_ error: ArtifactsError, _ status: Int, _ code: Int?, _ repo: RepoKey, _ what: String)
    -> ProxyError
  {
    let named = code.map { "\(error.message) (\($0))" } ?? error.message
    switch status {
    case 404 where code != nil: return .noSuchRepo(repo)
    case 401, 403:
      return ProxyError(
        .credentials, status: 502,
        "cannot \(what): the Artifacts API refused the API token: \(named); it needs the permission Artifacts Edit")
    case 429:
      return ProxyError(
        .rateLimited, status: 429, "cannot \(what): the Artifacts API is rate-limiting: \(named)",
        retryAfter: error.retryAfter)
    case 500...:
      return ProxyError(
        .upstreamError, status: status == 503 ? 503 : 502,
        "cannot \(what): the Artifacts API answered \(status): \(named)", retryAfter: error.retryAfter)
    default:
      // A failure under a good status, or a redirect, is no status to pass on.
      return ProxyError(
        .upstreamError, status: (400..<500).contains(status) ? status : 502,
        "cannot \(what): the Artifacts API answered \(status): \(named)")
    }
  }

  package static func noSuchRepo(_ repo: RepoKey) -> ProxyError {
    ProxyError(
      .noSuchRepo, status: 404,
      "no repo \"\(repo.name)\" in namespace \"\(repo.namespace)\"")
  }

  static func readOnlyRepo(_ repo: RepoKey) -> ProxyError {
    ProxyError(
      .readOnly, status: 403,
      "the repo \"\(repo.name)\" in namespace \"\(repo.namespace)\" is read-only: pushes are refused")
  }
}
