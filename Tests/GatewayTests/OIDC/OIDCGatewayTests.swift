import Gateway
import GatewayTestSupport
import Testing

@Suite(.enabled(if: TokenSigner.tool.isThere))
struct `OIDC at the gateway` {
  @Test func `an ID token opens what rules give its identity and claims, and nothing else does`() async throws {
    try await FakeIssuer.with { issuer in
      let signer = try await issuer.newKey("one")
      let provider = try OIDCIssuer(issuer: issuer.url, audiences: ["gateway"], allowsInsecure: true)
      var rule = AccessRule(name: "ci", who: ["oidc:repo:acme/*"], repos: ["default/demo"], allow: [.read])
      rule.claims = ["ref": "refs/heads/main"]
      try await TestGateway.with(
        configure: { configuration in
          configuration.wallClock = { [clock = issuer.clock] in clock.now }
          configuration.access.providers = [provider]
          configuration.access.authentication = AuthenticationConfiguration()
          configuration.access.rules = [rule]
        }
      ) { test in
        func status(_ token: String?) async throws -> Int {
          let request = GitOperation.fetchRefs.request()
          return try await test.ask(token.map { request.with("Authorization", "Bearer \($0)") } ?? request).status
        }
        let main = [#"ref"#: #""refs/heads/main""#]
        let good = try await signer.token(issuer.claims(main))
        #expect(try await status(good) == 200)
        #expect(try await status(nil) == 401)
        #expect(try await status(good.dropLast(8) + "AAAAAAAA") == 401)
        let expired = try await signer.token(issuer.claims(main.merging(["exp": "1"]) { $1 }))
        #expect(try await status(expired) == 401)
        let branch = try await signer.token(issuer.claims(["ref": #""refs/heads/topic""#]))
        #expect(try await status(branch) == 403)
        // A token that was good is so no longer than it says, whatever is remembered of it.
        issuer.clock.advance(seconds: 660)
        #expect(try await status(good) == 401)
        // The issuer goes; a token that was found good goes on.
        let late = try await signer.token(issuer.claims(main))
        #expect(try await status(late) == 200)
        issuer.answers.set { $0.isDown = true }
        issuer.clock.advance(seconds: 301)
        #expect(try await status(late) == 200)
      }
    }
  }
}
