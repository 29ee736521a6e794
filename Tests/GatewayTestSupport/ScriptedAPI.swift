import EventLoop
import HTTPCore
import Synchronization

/// The Artifacts API as a script: looks repos up, mints and revokes tokens, counts, and misbehaves when told to.
package final class ScriptedAPI: Sendable {
  /// How a new token tells its end.
  package enum Expiry: Sendable {
    case field, suffix, neither
  }

  package struct Mint: Sendable {
    package let repo: String
    package let isWrite: Bool
    package let secret: String
  }

  private struct State {
    var lookUpCount = 0
    var mints: [Mint] = []
    var revoked: [String] = []
    var expiry = Expiry.field
    var life = 3600.0
    var remote: String?
    var onMint: (@Sendable (Int) -> ScriptedAnswer?)?
    var onLookUp: (@Sendable (Int) -> ScriptedAnswer?)?
    var onRevoke: (@Sendable () -> ScriptedAnswer?)?
    var onOther: (@Sendable (RecordedRequest) -> ScriptedAnswer)?
  }

  private let state = Mutex(State())
  private let clock: @Sendable () -> Double

  /// - Parameter clock: by which the ends of tokens are told.
  package init(clock: @escaping @Sendable () -> Double = { WallClock.now }) { self.clock = clock }

  package var lookUpCount: Int { state.withLock { $0.lookUpCount } }
  /// What was asked for, in order; also what was refused.
  package var mints: [Mint] { state.withLock { $0.mints } }
  package var revoked: [String] { state.withLock { $0.revoked } }

  /// `http://host:port/path`, in which `{repo}` stands for the repo; what look-ups give as `remote`.
  package func set(remote: String) { state.withLock { $0.remote = remote } }

  /// What a look-up of `repo` gives as `remote`.
  package func remote(of repo: String) -> String {
    let remote = state.withLock { $0.remote ?? "" }
    return remote.split(separator: "{repo}", omittingEmptySubsequences: false).joined(separator: repo)
  }

  package func set(expiry: Expiry, life: Double = 3600) {
    state.withLock {
      $0.expiry = expiry
      $0.life = life
    }
  }
  /// Called with the number of the mint, from 0; nil goes on as usual.
  package func onMint(_ script: (@Sendable (Int) -> ScriptedAnswer?)?) { state.withLock { $0.onMint = script } }
  package func onLookUp(_ script: (@Sendable (Int) -> ScriptedAnswer?)?) { state.withLock { $0.onLookUp = script } }
  package func onRevoke(_ script: (@Sendable () -> ScriptedAnswer?)?) { state.withLock { $0.onRevoke = script } }
  /// Every other call.
  package func onOther(_ script: (@Sendable (RecordedRequest) -> ScriptedAnswer)?) {
    state.withLock { $0.onOther = script }
  }

  package func answer(_ request: RecordedRequest) -> ScriptedAnswer {
    let path = request.head.path.split(separator: "/")
    guard request.authorization == "Bearer \(TestGateway.apiToken)" else {
      return Self.failure(401, 10000, "Authentication error")
    }
    if request.head.method == .post, path.last == "tokens" { return mint(request) }
    if request.head.method == .delete, path.dropLast().last == "tokens" { return revoke(String(path.last ?? "")) }
    let other = state.withLock { $0.onOther }
    if let other { return other(request) }
    if request.head.method == .get, path.dropLast().last == "repos" { return lookUp(String(path.last ?? "")) }
    return Self.failure(404, 10200, "Not found")
  }

  private func lookUp(_ repo: String) -> ScriptedAnswer {
    let (script, number) = state.withLock { state in
      defer { state.lookUpCount += 1 }
      return (state.onLookUp, state.lookUpCount)
    }
    if let special = script?(number) { return special }
    return Self.success(#"{"id":"id-\#(repo)","name":"\#(repo)","remote":"\#(remote(of: repo))"}"#)
  }

  private func mint(_ request: RecordedRequest) -> ScriptedAnswer {
    let body = String(decoding: request.body, as: UTF8.self)
    let isWrite = body.contains(#""scope":"write""#)
    let repo = body.split(separator: #""repo":""#).last.map { String($0.prefix { $0 != "\"" }) } ?? ""
    return state.withLock { state in
      let number = state.mints.count
      let digits = String(number + 1, radix: 16)
      let secret = "art_v2_x_" + String(repeating: "5", count: 40 - digits.count) + digits
      state.mints.append(Mint(repo: repo, isWrite: isWrite, secret: secret))
      if let special = state.onMint?(number) { return special }
      let end = clock() + state.life
      let suffix = state.expiry == .suffix ? "?expires=\(Int(end))" : ""
      let field = state.expiry == .field ? #","expires_at":"\#(Self.timestamp(end))""# : ""
      let scope = isWrite ? "write" : "read"
      return Self.success(
        #"{"id":"token-\#(number)","plaintext":"\#(secret)\#(suffix)","scope":"\#(scope)"\#(field)}"#, status: 201)
    }
  }

  private func revoke(_ id: String) -> ScriptedAnswer {
    state.withLock { state in
      state.revoked.append(id)
      return state.onRevoke?() ?? Self.success(#"{"id":"\#(id)"}"#)
    }
  }

  package static func success(_ result: String, status: Int = 200) -> ScriptedAnswer {
    .json(status, #"{"result":\#(result),"success":true,"errors":[],"messages":[]}"#)
  }

  package static func failure(_ status: Int, _ code: Int, _ message: String, _ fields: [(String, String)] = [])
    -> ScriptedAnswer
  {
    .json(
      status, #"{"result":null,"success":false,"errors":[{"code":\#(code),"message":"\#(message)"}],"messages":[]}"#,
      fields)
  }

  private static func timestamp(_ seconds: Double) -> String {
    let time = CalendarTime(secondsSince1970: Int(seconds))
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(time.year)-\(two(time.month))-\(two(time.day))T\(two(time.hour)):\(two(time.minute)):\(two(time.second))Z"
  }
}
