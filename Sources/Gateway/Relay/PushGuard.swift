import ArtifactsAPI
import EventLoop
import GitProtocol
import HTTPCore
import HTTPTransport

/// Holds a push against the rules for its refs before a byte of it goes upstream. Confined to its loop; used once.
struct PushGuard {
  private typealias Update = ReceivePackRequest.Update

  /// Most updates that are looked into whether they are fast-forwards.
  private static let proofLimit = 64
  /// How often the service is asked for a branch's history, and for how much of it.
  private static let questionLimit = 4
  private static let historyLimit = 200
  let relay: GitRelay
  let rules: PushRules
  let access: Access
  /// Nil when there is no API to ask.
  let client: ArtifactsClient?

  private var exchange: ServerExchange { relay.exchange }
  private var repo: RepoKey { relay.route.repo }

  /// Whether the push may go on. If not, it has been read and answered, or the error says what to answer.
  func admits() async throws -> Bool {
    let beginning: PushBeginning
    do {
      beginning = try PushBeginning(relay.held, exchange.request)
      try await beginning.readCommands()
    } catch let error as RequestError {
      return try await admitsUnread(error)
    }
    let commands = beginning.commands
    relay.record.push?.take(commands)
    guard !commands.updates.isEmpty else { return true }
    let refusals = try await refusals(beginning)
    guard let first = commands.updates.first(where: { refusals[$0.ref] != nil }), let reason = refusals[first.ref]
    else {
      relay.record.rule = rules.decider(of: commands.updates[0])
      return true
    }
    guard
      let refusal = access.refuse(
        ProxyError(.forbidden, status: 403, reason), relay.record, by: rules.decider(of: first))
    else { return true }
    try await relay.discardBody()
    guard commands.wantsReport else { throw refusal }
    relay.record.failure = refusal
    let report = commands.updates.map { ($0.ref, refusals[$0.ref] ?? "another ref of this push was refused") }
    let body = PushReport.refusing(report, inSideband: commands.hasSideband)
    var fields = Fields([
      (.contentType, relay.route.service.resultContentType), (.cacheControl, "no-cache"),
    ])
    fields.append("x-artifacts-gateway-error", refusal.code.rawValue)
    fields.append("x-request-id", relay.record.id.description)
    try await exchange.respond(status: 200, fields: fields, body: body)
    return false
  }

  /// What cannot be read cannot be decided: it is refused as a whole.
  private func admitsUnread(_ error: RequestError) async throws -> Bool {
    let text =
      error == .tooLarge
      ? "a push of more than \(PushCommands.maxUpdates) refs, or \(PushCommands.maxBytes >> 20) MiB of them, cannot be "
        + "held against the rules for \(repo): push fewer refs at once"
      : "the push cannot be read, and so not be held against the rules for \(repo)"
    guard let refusal = access.refuse(ProxyError(.forbidden, status: 403, text), relay.record) else { return true }
    try await relay.discardBody()
    throw refusal
  }

  // MARK: Verdicts

  /// Why refs are not to be updated, by their names.
  private func refusals(_ beginning: PushBeginning) async throws -> [String: String] {
    var refusals: [String: String] = [:]
    var unproven: [(update: Update, reason: String)] = []
    for update in beginning.commands.updates {
      switch rules.verdict(on: update) {
      case .allowed: break
      case .ifFastForward(let reason): unproven.append((update, reason))
      case .refused(let reason): refusals[update.ref] = reason
      }
    }
    // There is nothing to be gained for a push that is refused anyway.
    guard refusals.isEmpty, !unproven.isEmpty else { return refusals }
    guard unproven.count <= Self.proofLimit else {
      for (update, reason) in unproven {
        refusals[update.ref] = "\(reason); push at most \(Self.proofLimit) refs at once"
      }
      return refusals
    }
    for (update, reason) in try await notProven(unproven, beginning) {
      refusals[update.ref] = "\(reason) (not shown to be a fast-forward: fetch, rebase or merge, and push again)"
    }
    return refusals
  }

  /// Those updates of which it cannot be shown that they are fast-forwards: by the commits of the push, and then by the
  /// history that the service has of the commits which they build on.
  private func notProven(
    _ updates: [(update: Update, reason: String)], _ beginning: PushBeginning
  ) async throws -> [(update: Update, reason: String)] {
    var graph = CommitGraph()
    var left = updates
    do {
      try await beginning.readCommits({ graph.add($0) }) {
        left.removeAll { graph.shows($0.update.old, asAncestorOf: $0.update.new) }
        return left.isEmpty
      }
    } catch is RequestError {
      // What is no pack shows nothing.
    } catch is PktLineError {
    }
    var questions = Self.questionLimit
    var unproven: [(update: Update, reason: String)] = []
    for item in left {
      var isProven = false
      for border in graph.borders(of: item.update.new) where !isProven && questions > 0 {
        questions -= 1
        isProven = await isAncestor(item.update.old, of: border)
      }
      if !isProven { unproven.append(item) }
    }
    return unproven
  }

  /// Whether the service has one commit among the last ones before another, along first parents.
  private func isAncestor(_ old: String, of border: String) async -> Bool {
    let query = [("ref", border), ("limit", "\(Self.historyLimit)")]
    let log: [Commit]?
    do throws(ArtifactsError) { log = try await client?.log(repo.namespace, repo.name, query: query) } catch {
      return false
    }
    // A branch may have the name of a commit.
    guard let log, log.first?.hash == border else { return false }
    return log.contains { $0.hash == old || $0.parents.contains(old) }
  }
}
