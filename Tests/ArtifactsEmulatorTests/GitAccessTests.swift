import ArtifactsEmulator
import FoundationEssentials
import GitProtocol
import Testing

@Suite struct GitAccessTests {
  /// How a token is presented, and what comes of it for a fetch.
  enum Presented: String, CaseIterable {
    case bearerFull, bearerSecret, bearerWrongSuffix, lowerCaseScheme, basicSecret, basicEmptyUser, basicFull
    case basicSecretAsUser, basicNoColon, basicBroken, nothing, otherScheme, emptyBearer

    func value(_ token: String) -> String? {
      let secret = String(token.prefix { $0 != "?" })
      func basic(_ text: String) -> String { "Basic " + Data(text.utf8).base64EncodedString() }
      return switch self {
      case .bearerFull: "Bearer \(token)"
      case .bearerSecret: "Bearer \(secret)"
      case .bearerWrongSuffix: "Bearer \(secret)?expires=1"
      case .lowerCaseScheme: "bearer \(token)"
      case .basicSecret: basic("x:\(secret)")
      case .basicEmptyUser: basic(":\(secret)")
      case .basicFull: basic("git:\(token)")
      case .basicSecretAsUser: basic("\(secret):x-oauth-basic")
      case .basicNoColon: basic(secret)
      case .basicBroken: "Basic !!!"
      case .nothing: nil
      case .otherScheme: "Digest x"
      case .emptyBearer: "Bearer ?expires=1"
      }
    }

    var isTaken: Bool {
      switch self {
      case .bearerFull, .bearerSecret, .bearerWrongSuffix, .lowerCaseScheme, .basicSecret, .basicEmptyUser, .basicFull:
        true
      default: false
      }
    }
  }

  private func withRepo(_ body: (TestService, GitAccess, String) async throws -> Void) async throws {
    try await TestService.with { service in
      let created = await service.ask("POST", "/namespaces/demo/repos", #"{"name":"base"}"#)
      let token = try #require(created.result?["token"]?.text)
      try await body(service, GitAccess(store: service.store), token)
    }
  }

  private func refused(_ decision: GitAccess.Decision) -> GitAccess.Refusal? {
    if case .refused(let refusal) = decision { refusal } else { nil }
  }

  @Test(arguments: Presented.allCases)
  func `a token is read where clients put it`(presented: Presented) async throws {
    try await withRepo { _, access, token in
      let decision = await access.decide(
        namespace: "demo", repo: "base", service: .uploadPack, authorization: presented.value(token))
      if presented.isTaken {
        guard case .allowed(let repo) = decision else { throw TestFailure("\(decision)") }
        #expect(repo.name == "base")
      } else {
        let refusal = try #require(refused(decision))
        #expect((refusal.status, refusal.text) == (401, "Authentication required"))
        #expect(refusal.challenge == #"Basic realm="artifacts""#)
      }
    }
  }

  @Test(arguments: ["base", "base.git"])
  func `a repo is named with its suffix or without`(name: String) async throws {
    try await withRepo { _, access, token in
      for service in Service.allCases {
        let decision = await access.decide(
          namespace: "demo", repo: name, service: service, authorization: "Bearer \(token)")
        #expect(refused(decision) == nil)
      }
    }
  }

  @Test func `a token opens its own repo only`() async throws {
    try await withRepo { service, access, token in
      _ = await service.ask("POST", "/namespaces/demo/repos", #"{"name":"other"}"#)
      for (namespace, repo) in [("demo", "other"), ("else", "base"), ("demo", "missing"), ("demo", "base.git.git")] {
        let decision = await access.decide(
          namespace: namespace, repo: repo, service: .uploadPack, authorization: "Bearer \(token)")
        let refusal = try #require(refused(decision))
        #expect((refusal.status, refusal.text) == (403, "Invalid or expired token"))
        #expect(refusal.challenge == nil)
      }
    }
  }

  @Test(arguments: ["unknown", "expired", "revoked", "deleted"])
  func `an ended token is forbidden, not unauthenticated`(how: String) async throws {
    try await withRepo { service, access, token in
      var presented = token
      switch how {
      case "unknown": presented = "art_v2_x_" + String(repeating: "0", count: 40)
      case "expired": service.clock.advance(seconds: 86_400)
      case "revoked":
        let id = await service.ask("GET", "/namespaces/demo/repos/base/tokens").ids[0]
        _ = await service.ask("DELETE", "/namespaces/demo/tokens/\(id)")
      default: _ = await service.ask("DELETE", "/namespaces/demo/repos/base")
      }
      for authorization in ["Bearer \(presented)", "Basic " + Data("x:\(presented)".utf8).base64EncodedString()] {
        let decision = await access.decide(
          namespace: "demo", repo: "base", service: .uploadPack, authorization: authorization)
        let refusal = try #require(refused(decision))
        #expect((refusal.status, refusal.text) == (403, "Invalid or expired token"))
      }
    }
  }

  @Test func `a read token may fetch and not push`() async throws {
    try await withRepo { service, access, _ in
      let made = await service.ask("POST", "/namespaces/demo/tokens", #"{"repo":"base","scope":"read"}"#)
      let token = try #require(made.result?["plaintext"]?.text)
      let fetch = await access.decide(
        namespace: "demo", repo: "base", service: .uploadPack, authorization: "Bearer \(token)")
      #expect(refused(fetch) == nil)
      let push = await access.decide(
        namespace: "demo", repo: "base", service: .receivePack, authorization: "Bearer \(token)")
      let refusal = try #require(refused(push))
      #expect((refusal.status, refusal.text) == (403, "Insufficient permissions"))
      #expect(refusal.challenge == nil)
    }
  }
}
