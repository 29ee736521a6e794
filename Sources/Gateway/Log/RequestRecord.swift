import HTTPTransport

/// What is known of a request when it is over: for its line in the log and its counts. Confined to its loop.
final class RequestRecord {
  /// What the gateway is doing for a request; at each moment one of these.
  enum Phase: Int {
    /// Reading the request and deciding what to do.
    case request
    /// Waiting until the number of transfers allows another.
    case queue
    /// Looking up the repo and getting a token for it.
    case token
    /// Connecting to the upstream.
    case connect
    /// The TLS handshake with it.
    case tls
    /// Waiting for the upstream's answer.
    case head
    /// Sending the response.
    case data
  }

  let id: RequestID
  let service: RequestService
  /// Nil for what is no git request.
  let route: GitRoute?
  /// Who asked.
  var identity = Identity.anonymous
  /// How whoever has shown nothing could show who he is; empty where he cannot.
  var challenges: [String] = []
  /// The rule that decided last, by its name; nil when none did.
  var rule: String?
  /// What it would have been refused with, if rules did more than report.
  var wouldBeRefusal: ProxyError?
  /// Asked before a missing repo is created; nil when anybody may create one.
  var creationLeave: CreationLeave?
  /// What became of the creation of a missing repo that it has set off.
  var creation: AuditEvent.Outcome?
  private(set) var phase = Phase.request
  /// Since when, monotonic nanoseconds.
  private var since: UInt64
  /// Nanoseconds spent in each phase.
  private var times = InlineArray<7, UInt64>(repeating: 0)
  var retryCount = 0
  var outcome: UploadPackRelay.Outcome?
  /// Why the request could not be served.
  var failure: ProxyError? { didSet { isTroubled = true } }
  /// Why a response that had begun did not come to its end, when that was the upstream's doing.
  var cutReason: String? { didSet { isTroubled = true } }
  /// What a call of the admin API was answered instead of what it asked for.
  var problem: Problem? { didSet { isTroubled = true } }
  /// One of those three was set, or the client's side broke: what most requests need not be asked one by one.
  private(set) var isTroubled = false
  /// Somebody is to be told what a push asks for and what is answered.
  var isAudited = false
  /// What is known of a push; for an audit only.
  var push: PushRecord?
  /// How the client's side broke.
  private(set) var clientFailure: TransportError?
  /// The client was gone before there was an answer, whatever was then written to nobody.
  private(set) var isUnanswered = false

  init(_ id: RequestID, _ service: RequestService, _ route: GitRoute?, at now: UInt64) {
    self.id = id
    self.service = service
    self.route = route
    since = now
  }

  /// The exchange was given up: the client's side broke.
  func broke(_ exchange: ServerExchange, _ error: any Error) {
    clientFailure = error as? TransportError
    isTroubled = true
    isUnanswered = clientFailure != nil && !exchange.hasStarted && exchange.bodyFailure == nil
  }

  /// The status that the client was sent; nil for none.
  func status(of exchange: ServerExchange) -> Int? { isUnanswered ? nil : exchange.status }

  /// From here on the gateway does something else.
  func enter(_ next: Phase, at now: UInt64) {
    times[phase.rawValue] += now - since
    since = now
    phase = next
  }

  /// A connection was opened: of the time for connecting some went into the handshake.
  func connected(_ setup: ConnectionSetup?) {
    guard let tls = setup?.tls else { return }
    times[Phase.tls.rawValue] += tls
    times[Phase.connect.rawValue] -= min(tls, times[Phase.connect.rawValue])
  }

  /// Nanoseconds spent in a phase that has ended.
  func time(in phase: Phase) -> UInt64 { times[phase.rawValue] }
}
