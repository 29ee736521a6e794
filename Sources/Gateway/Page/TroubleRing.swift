import Synchronization

/// A request that failed by the doing of the upstream or the Artifacts API.
struct Trouble: Sendable {
  /// The longest text that is kept, characters.
  private static let longestText = 300

  /// Seconds since 1970.
  let time: Double
  let service: RequestService
  /// Nil for calls of the API.
  let repo: RepoKey?
  /// A word for programs.
  let word: String
  /// What was told to the client. May hold text of the upstream; whoever prints it escapes it.
  let text: String

  /// Nil for a request that did not fail, or by nobody's doing but its client's or the gateway's.
  init?(_ record: RequestRecord, at time: @autoclosure () -> Double) {
    if let failure = record.failure {
      guard Self.isUpstream(failure.code) else { return nil }
      (word, text) = (failure.code.rawValue, failure.text)
    } else if let reason = record.cutReason {
      (word, text) = (ProxyError.Code.cut.rawValue, reason)
    } else if let problem = record.problem, problem.status >= 500 || problem.status == 429 {
      (word, text) = (problem.word, problem.detail)
    } else {
      return nil
    }
    self.time = time()
    service = record.service
    repo = record.route?.repo
  }

  private static func isUpstream(_ code: ProxyError.Code) -> Bool {
    switch code {
    case .credentials, .remoteRefused, .upstreamUnreachable, .upstreamTimeout, .upstreamError, .upstreamRedirect,
      .upstreamMalformed, .rateLimited, .cut:
      true
    case .badRequest, .badConfiguration, .noSuchRepo, .forbidden, .hostNotAllowed, .wrongMethod, .readOnly, .notFound,
      .busy, .unauthenticated, .tooManyFailures, .overLimit, .tooLarge:
      false
    }
  }

  /// The text, cut to what a table has room for.
  var shortText: String { text.count > Self.longestText ? text.prefix(Self.longestText) + "..." : text }
}

/// The last few failures of the upstream and the Artifacts API, at most 16. Only requests that failed take its lock.
final class TroubleRing: Sendable {
  private static let limit = 16

  private let troubles = Mutex<[Trouble]>([])

  func add(_ trouble: Trouble) {
    troubles.withLock { troubles in
      if troubles.count >= Self.limit { troubles.removeFirst() }
      troubles.append(trouble)
    }
  }

  /// The newest first.
  var all: [Trouble] { troubles.withLock { $0.reversed() } }
}
