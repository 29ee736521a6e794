import ArtifactsAPI
import EventLoop
import Gateway
import GatewayTestSupport
import HTTPTransport
import Synchronization
import TLS

/// An OpenID provider on loopback with keys of its own, and an authenticator that trusts it.
struct FakeIssuer: Sendable {
  /// What it answers, which may change at any time.
  final class Answers: Sendable {
    struct State: Sendable {
      var keys: [String] = []
      var isDown = false
      var cacheControl: String?
      /// Instead of its own, in its configuration.
      var issuer: String?
      var keysURL: String?
      var gate: Gate?
      var base = ""
      var configurationFetches = 0
      var keyFetches = 0
    }

    private let state = Mutex(State())

    func set(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
    var current: State { state.withLock { $0 } }

    func answer(_ target: String) -> ScriptedAnswer {
      state.withLock { state in
        let isConfiguration = target.hasSuffix("/.well-known/openid-configuration")
        if isConfiguration { state.configurationFetches += 1 } else { state.keyFetches += 1 }
        if state.isDown { return .response(503, text: "down") }
        let base = state.base
        var answer = ScriptedAnswer.json(
          200,
          isConfiguration
            ? #"{"issuer":"\#(state.issuer ?? base)","jwks_uri":"\#(state.keysURL ?? "\(base)/keys")","x":[{"y":[1]}]}"#
            : #"{"keys":[\#(state.keys.joined(separator: ","))]}"#,
          state.cacheControl.map { [("Cache-Control", $0)] } ?? [])
        if let gate = state.gate { answer.steps.insert(.wait(gate), at: 0) }
        return answer
      }
    }
  }

  let url: String
  /// Where it lives, and where its keys are fetched.
  let loop: Loop
  let answers: Answers
  let clock: ManualClock
  let authenticator: OIDCAuthenticator
  let folder: String
  let troubles: Counter

  /// - Parameters:
  ///   - audiences: those that the authenticator takes.
  ///   - tls: what it shows of itself; without it, it is asked in the clear.
  static func with<Result>(
    tls: TLSServerContext? = nil,
    name: String = "sub", audiences: [String] = ["gateway"], required: [String: String] = [:],
    _ body: (FakeIssuer) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryFolder { folder in
      let group = try TestLoops.take()
      let answers = Answers()
      let server = ScriptedServer(on: group.loops[0], tls: tls) { answers.answer($0.target) }
      let port = try await server.start()
      let url = "\(tls == nil ? "http" : "https")://127.0.0.1:\(port)"
      answers.set { $0.base = url }
      let clock = ManualClock()
      var configuration = GatewayConfiguration(
        endpoint: APIEndpoint(base: .loopback(port: 1), accountID: "acct", token: { nil }))
      configuration.wallClock = { clock.now }
      let issuer = try OIDCIssuer(
        issuer: url, audiences: audiences, name: name, required: required, allowsInsecure: true)
      let troubles = Counter()
      let authenticator = try OIDCAuthenticator([issuer], configuration, on: group.loops[0]) { _ in troubles.next() }
      func end() async {
        await authenticator.closeIdle()
        await server.stop()
        await server.waitForNoConnections()
        TestLoops.give(group)
      }
      do {
        let result = try await body(
          FakeIssuer(
            url: url, loop: group.loops[0], answers: answers, clock: clock, authenticator: authenticator,
            folder: folder, troubles: troubles))
        await end()
        return result
      } catch {
        await end()
        throw error
      }
    }
  }

  /// Makes a key, which it shows from now on beside those that it shows already.
  func newKey(_ id: String, _ kind: TokenSigner.Kind = .p256) async throws -> TokenSigner {
    let signer = try await TokenSigner.make(id, kind, in: folder)
    let key = try await signer.publicKey()
    answers.set { $0.keys.append(key) }
    return signer
  }

  /// Claims of a good token.
  /// - Parameters:
  ///   - changes: claims as JSON, in place of the usual ones; nil leaves one out.
  func claims(_ changes: [String: String?] = [:]) -> String {
    let now = Int(clock.now)
    var claims: [String: String?] = [
      "iss": "\"\(url)\"", "aud": #""gateway""#, "sub": #""repo:acme/site:ref:refs/heads/main""#, "iat": "\(now)",
      "nbf": "\(now)", "exp": "\(now + 600)",
    ]
    for (name, value) in changes { claims[name] = .some(value) }
    return "{\(claims.compactMap { name, value in value.map { "\"\(name)\":\($0)" } }.sorted().joined(separator: ","))}"
  }

  func identity(_ token: String) async throws -> Identity {
    try await authenticator.authenticate(Secret(token)).get().identity
  }

  /// Why a token is refused.
  func reason(_ token: String) async -> String? {
    if case .failure(let refusal) = await authenticator.authenticate(Secret(token)) { refusal.reason } else { nil }
  }
}
