import GitProtocol
import HTTPCore
import Synchronization

/// A git service in protocol v2 as a script: it names refs, sends packs made by hand, counts, and does otherwise when told
/// to. To be asked once a request's body is there.
package final class PackUpstream: Sendable {
  package typealias Special = @Sendable (_ number: Int, _ request: RecordedRequest) -> ScriptedAnswer?

  private struct State {
    var refs: [String: [String]] = [:]
    var packs: [String: [UInt8]] = [:]
    var advertisements = 0
    var questions = 0
    var fetches = 0
    var onAdvertisement: Special?
    var onQuestion: Special?
    var onFetch: Special?
  }

  private let state = Mutex(State())

  package init() {}

  package var advertisementCount: Int { state.withLock { $0.advertisements } }
  /// How many `ls-refs` have come.
  package var questionCount: Int { state.withLock { $0.questions } }
  /// How many `fetch` have come.
  package var fetchCount: Int { state.withLock { $0.fetches } }

  /// What `ls-refs` names of a repo.
  package func set(refs ids: [String], of repo: String = "demo") { state.withLock { $0.refs[repo] = ids } }
  /// The answer to a fetch of `repo`.
  package func set(answer: [UInt8], of repo: String = "demo") { state.withLock { $0.packs[repo] = answer } }
  /// Called with the number of the request among its kind, from 0; nil goes on as usual.
  package func onAdvertisement(_ special: Special?) { state.withLock { $0.onAdvertisement = special } }
  package func onQuestion(_ special: Special?) { state.withLock { $0.onQuestion = special } }
  package func onFetch(_ special: Special?) { state.withLock { $0.onFetch = special } }

  package var script: ScriptedServer.Script { { [self] in answer($0) } }

  private func answer(_ request: RecordedRequest) -> ScriptedAnswer {
    let repo = request.target.split(separator: "/").first { $0.hasSuffix(".git") }.map { String($0.dropLast(4)) } ?? ""
    guard request.isPost else {
      let (number, special) = state.withLock { state in
        defer { state.advertisements += 1 }
        return (state.advertisements, state.onAdvertisement)
      }
      return special?(number, request) ?? Self.advertisement
    }
    let isQuestion = String(decoding: request.body, as: UTF8.self).contains("command=ls-refs")
    if isQuestion {
      let (number, special, refs) = state.withLock { state in
        defer { state.questions += 1 }
        return (state.questions, state.onQuestion, state.refs[repo] ?? [])
      }
      return special?(number, request) ?? Self.result(Self.listing(refs))
    }
    let (number, special, pack) = state.withLock { state in
      defer { state.fetches += 1 }
      return (state.fetches, state.onFetch, state.packs[repo])
    }
    return special?(number, request) ?? Self.result(pack ?? PktLines.line("ERR upload-pack: not our ref"))
  }

  /// What `ls-refs` answers.
  package static func listing(_ ids: [String]) -> [UInt8] {
    ids.enumerated().flatMap { PktLines.line("\($1) refs/heads/branch\($0)\n") } + PktLines.flush
  }

  package static func result(_ body: [UInt8]) -> ScriptedAnswer { .response(200, fields, body) }

  /// An answer that stops after so many bytes until the gate is opened.
  package static func result(_ body: [UInt8], stoppingAfter count: Int, _ gate: Gate) -> ScriptedAnswer {
    result(body, stopping: [(count, gate)])
  }

  /// An answer that stops at some places, in their order, until the gate of each is opened.
  package static func result(_ body: [UInt8], stopping stops: [(count: Int, gate: Gate)]) -> ScriptedAnswer {
    var steps = [ScriptedAnswer.Step.send(head(body.count))]
    var sent = 0
    for (count, gate) in stops {
      steps += [.send(Array(body[sent..<count])), .wait(gate)]
      sent = count
    }
    return ScriptedAnswer(steps + [.send(Array(body[sent...]))])
  }

  /// An answer that breaks off after so many bytes, once the gate is open.
  package static func result(_ body: [UInt8], brokenOffAfter count: Int, _ gate: Gate) -> ScriptedAnswer {
    ScriptedAnswer([.send(head(body.count) + body.prefix(count)), .wait(gate), .reset])
  }

  /// An answer that does not begin before the gate is opened.
  package static func result(_ body: [UInt8], after gate: Gate) -> ScriptedAnswer {
    ScriptedAnswer([.wait(gate), .send(head(body.count) + body)])
  }

  private static let fields = [("Content-Type", GitOperation.fetch.answerType), ("Cache-Control", "no-cache")]

  private static func head(_ count: Int) -> [UInt8] {
    ScriptedAnswer.head(200, fields + [("Content-Length", "\(count)")])
  }

  /// A capability advertisement, which names no refs.
  package static let advertisement: ScriptedAnswer = .response(
    200, [("Content-Type", GitOperation.fetchRefs.answerType), ("Cache-Control", "no-cache")], advertisementBody)

  package static let advertisementBody =
    PktLines.line("# service=git-upload-pack\n") + PktLines.flush + PktLines.line("version 2\n")
    + ["agent=git/2.39.5", "ls-refs=unborn", "fetch=shallow wait-for-done filter sideband-all", "object-format=sha1"]
    .flatMap { PktLines.line("\($0)\n") } + PktLines.flush
}
