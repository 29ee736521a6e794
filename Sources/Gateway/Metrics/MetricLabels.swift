/// Why an upstream request was sent again.
enum RetryReason: String, CaseIterable, Sendable {
  /// Its token was refused, and there was a fresh one.
  case token
  /// A connection of the pool had died.
  case stale
  /// The upstream was busy or could not be reached.
  case transient
  /// The same, when it was the Artifacts API that was asked.
  case api
}

/// How a question for refs got its answer.
enum RefFlightResult: String, CaseIterable, Sendable {
  /// It was asked by a client for himself, while no other was under way.
  case alone
  /// It was asked once for all who wait.
  case led
  /// It was answered along with another.
  case joined
}

/// What came of asking for a token.
enum MintResult: String, CaseIterable, Sendable {
  case ok
  case noRepo = "no_repo"
  case credentials
  case rateLimited = "rate_limited"
  case unreachable
  case failed

  init(_ error: ProxyError) {
    self =
      switch error.code {
      case .noSuchRepo: .noRepo
      case .credentials: .credentials
      case .rateLimited: .rateLimited
      case .upstreamUnreachable, .upstreamTimeout: .unreachable
      default: .failed
      }
  }
}

/// Why the gateway itself refused a request, or a connection.
enum Rejection: String, CaseIterable, Sendable {
  case badRequest = "bad_request"
  /// What came is no HTTP, or too much of it.
  case malformed
  case forbidden
  case hostNotAllowed = "host_not_allowed"
  case notFound = "not_found"
  case wrongMethod = "method_not_allowed"
  case readOnly = "read_only"
  /// Nobody who is known asks.
  case unauthenticated
  /// Too many wrong credentials came from there.
  case tooManyFailures = "too_many_failures"
  /// As many transfers are under way as may be, or passwords are being checked.
  case busy
  /// Somebody has asked for more than he may.
  case overLimit = "over_limit"
  /// A push brings what is larger than allowed.
  case tooLarge = "too_large"
  /// As many connections are open as may be.
  case connections

  /// Nil for what is not the gateway's own doing.
  init?(_ code: ProxyError.Code) { self.init(rawValue: code.rawValue) }
}
