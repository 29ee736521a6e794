import EventLoop
import GitProtocol
import HTTPCore
import HTTPTransport

extension AuditEvent {
  /// What there is to tell of a request that is over.
  /// - Parameter isKilled: connections are being cut because the gateway ends.
  static func all(of exchange: ServerExchange, _ record: RequestRecord, isKilled: Bool) -> [AuditEvent] {
    let failure = failure(of: record)
    let isPush = record.service == .receivePack && record.push?.request.isProbe != true
    let isChange = record.route == nil && changes(exchange.request, record.service)
    let isRefusal = isRefusal(record)
    guard isRefusal || isPush || isChange || record.creation != nil || record.wouldBeRefusal != nil else { return [] }
    let end = Termination(of: exchange, record, isKilled: isKilled)
    let request = Request(
      id: record.id, identity: record.identity, client: exchange.peer.description,
      method: exchange.request.method.rawValue, path: String(exchange.request.path), repo: record.route?.repo,
      status: record.status(of: exchange), end: end.description, rule: record.rule)
    var events: [AuditEvent] = []
    if let refusal = record.wouldBeRefusal {
      events.append(.wouldRefuse(request, word: refusal.code.rawValue, reason: refusal.text, record.push))
    }
    if let outcome = record.creation {
      events.append(.creation(request, outcome, reason: outcome == .done ? nil : failure?.reason))
    }
    if isRefusal {
      events.append(.refusal(request, word: failure?.word ?? "", reason: failure?.reason ?? "", record.push))
    } else if isChange {
      events.append(.change(request, reason: failure?.reason))
    } else if isPush, let push = record.push {
      events.append(
        .push(request, push, outcome(of: push, record, end), reason: failure?.reason ?? record.cutReason))
    } else if isPush, failure == nil, end.party != .client, end.party != .slowClient, end.party != .killed {
      // One that ended before its commands were there has asked for nothing. Commands that cannot be read here were for the
      // upstream to judge.
      events.append(.push(request, .unreadable, .unknown, reason: nil))
    }
    return events
  }

  private static func failure(of record: RequestRecord) -> (word: String, reason: String)? {
    if let failure = record.failure { return (failure.code.rawValue, failure.reason ?? failure.text) }
    return record.problem.map { ($0.word, $0.detail) }
  }

  /// Somebody was told that he may not, by the gateway, or the gateway by the Artifacts API.
  private static func isRefusal(_ record: RequestRecord) -> Bool {
    if record.failure?.isRoutine == true { return false }
    switch record.failure?.code {
    case .forbidden, .hostNotAllowed, .readOnly, .credentials, .unauthenticated, .tooManyFailures, .overLimit,
      .tooLarge:
      return true
    case nil: return record.problem.map { $0.code == nil && ($0.status == 401 || $0.status == 403) } ?? false
    default: return false
    }
  }

  /// Whether a request that is not about git may change something.
  private static func changes(_ request: RequestHead, _ service: RequestService) -> Bool {
    let isSafe = request.method == .get || request.method == .head || request.method == .options
    return !isSafe && (service == .api || request.path.hasPrefix("/-/"))
  }

  private static func outcome(of push: PushRecord, _ record: RequestRecord, _ end: Termination) -> Outcome {
    if record.failure != nil { return .failed }
    guard end.party == .nobody else { return .unknown }
    guard push.request.wantsReport else { return .done }
    guard let report = push.report, let unpack = report.unpack else { return .unknown }
    return unpack == "ok" && report.results.values.allSatisfy { $0 == nil } ? .done : .rejected
  }
}
