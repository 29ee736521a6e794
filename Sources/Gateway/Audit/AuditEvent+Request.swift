import EventLoop
import GitProtocol
import HTTPCore
import HTTPTransport

extension AuditEvent {
  /// What there is to tell of a request that is over; nil for nothing.
  /// - Parameter isKilled: connections are being cut because the gateway ends.
  init?(of exchange: ServerExchange, _ record: RequestRecord, isKilled: Bool) {
    let failure = Self.failure(of: record)
    let isPush = record.service == .receivePack && record.push?.request.isProbe != true
    let isChange = record.route == nil && Self.changes(exchange.request, record.service)
    let isRefusal = Self.isRefusal(record)
    guard isRefusal || isPush || isChange else { return nil }
    let end = Termination(of: exchange, record, isKilled: isKilled)
    let request = Request(
      id: record.id, identity: record.identity, client: exchange.peer.description,
      method: exchange.request.method.rawValue, path: String(exchange.request.path), repo: record.route?.repo,
      status: record.status(of: exchange), end: end.description)
    if isRefusal {
      self = .refusal(request, word: failure?.word ?? "", reason: failure?.reason ?? "", record.push)
    } else if isChange {
      self = .change(request, reason: failure?.reason)
    } else if let push = record.push {
      self = .push(
        request, push, Self.outcome(of: push, record, end), reason: failure?.reason ?? record.cutReason)
    } else if failure != nil || end.party == .client || end.party == .slowClient || end.party == .killed {
      // It ended before its commands were there: it has asked for nothing.
      return nil
    } else {
      // Commands that cannot be read here were for the upstream to judge.
      self = .push(request, .unreadable, .unknown, reason: nil)
    }
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
