import ArtifactsAPI
import EventLoop
import GitProtocol

/// What an audit log tells of.
enum AuditEvent {
  /// The request that something came of.
  struct Request {
    let id: RequestID
    let identity: Identity
    /// Address and port.
    let client: String
    let method: String
    /// Without the query.
    let path: String
    let repo: RepoKey?
    /// Nil when nothing was answered.
    let status: Int?
    /// The two characters of `Termination`.
    let end: String
    /// The rule that decided, by its name.
    var rule: String?
  }

  /// What became of a push, or of the creation of a repo.
  enum Outcome: String {
    /// The upstream has taken it.
    case done
    /// The upstream has answered, and has not taken all of it.
    case rejected
    /// It was answered with an error.
    case failed
    /// It was broken off: what the upstream has made of it is not known.
    case unknown
  }

  /// A token was asked of the Artifacts API, for whoever needs it.
  case mint(TokenKey, failure: ProxyError?)
  case push(Request, PushRecord, Outcome, reason: String?)
  /// A repo that was missing has been created for a push.
  case creation(Request, Outcome, reason: String?)
  /// A call that may have changed something.
  case change(Request, reason: String?)
  /// A request that somebody had no right to, or that nobody has.
  case refusal(Request, word: String, reason: String, PushRecord?)
  /// The same, if rules did more than report.
  case wouldRefuse(Request, word: String, reason: String, PushRecord?)
  /// Lines that are missing here.
  case lost(Int)

  private var name: String {
    switch self {
    case .mint: "mint"
    case .push: "push"
    case .creation: "create"
    case .change: "change"
    case .refusal: "refusal"
    case .wouldRefuse: "would_refuse"
    case .lost: "lost"
    }
  }

  /// One JSON object and a newline.
  /// - Parameter now: seconds since 1970.
  func line(at now: Double) -> [UInt8] {
    var line = AuditLine(at: now, name)
    switch self {
    case .mint(let key, let failure):
      line.text("repo", key.repo.description)
      line.text("scope", key.scope.rawValue)
      line.text("outcome", failure == nil ? "done" : "failed")
      if let failure { line.text("reason", failure.text) }
    case .push(let request, let push, let outcome, let reason):
      line.append(request)
      line.append(push)
      line.text("outcome", outcome.rawValue)
      if let reason { line.text("reason", reason) }
    case .creation(let request, let outcome, let reason):
      line.append(request)
      line.text("outcome", outcome.rawValue)
      if let reason { line.text("reason", reason) }
    case .change(let request, let reason):
      line.append(request)
      if let reason { line.text("reason", reason) }
    case .refusal(let request, let word, let reason, let push),
      .wouldRefuse(let request, let word, let reason, let push):
      line.append(request)
      if let push { line.append(push) }
      line.text("error", word)
      line.text("reason", reason)
    case .lost(let count): line.number("count", count)
    }
    return line.finished
  }
}

/// What is known of a push: what it asked for, and what was answered.
struct PushRecord {
  var request: ReceivePackRequest
  /// All commands are there: they ended within what was read ahead of the pack, or rules have read them.
  var isWhole: Bool
  var report: PushReportReader?

  /// Nil when nothing can be told yet.
  init?(_ inspection: RequestInspection<ReceivePackRequest>) {
    guard let request = inspection.request else { return nil }
    self.request = request
    if case .whole = inspection { isWhole = true } else { isWhole = false }
    report = request.wantsReport ? PushReportReader(isSideband: request.has("side-band-64k")) : nil
  }

  /// Takes all commands in the place of those that were read ahead.
  mutating func take(_ commands: PushCommands) {
    request.updates = commands.updates
    isWhole = true
  }

  /// A push of which nothing could be read.
  static let unreadable = PushRecord()

  private init() {
    request = ReceivePackRequest()
    isWhole = false
  }
}
