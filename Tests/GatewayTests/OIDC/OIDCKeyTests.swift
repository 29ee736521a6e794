import ArtifactsAPI
import Gateway
import GatewayTestSupport
import Testing

@Suite(.enabled(if: TokenSigner.tool.isThere))
struct `OIDC keys` {
  @Test func `keys are fetched once for all who wait, and a token that was found good is not checked again`()
    async throws
  {
    try await FakeIssuer.with { issuer in
      let signer = try await issuer.newKey("one")
      let gate = Gate()
      issuer.answers.set { $0.gate = gate }
      var tokens: [String] = []
      for number in 0..<8 { tokens.append(try await signer.token(issuer.claims(["jti": "\(number)"]))) }
      let arrived = Counter()
      // All on the loop that fetches: elsewhere some might have to wait until the fetch, which the last of them lets end, is
      // given up.
      let asking = Task(executorPreference: issuer.loop) { [tokens] in
        try await concurrently(tokens) { token in
          if arrived.next() == 7 { gate.open() }
          #expect(await issuer.reason(token) == nil)
        }
      }
      try await asking.value
      #expect(issuer.answers.current.configurationFetches == 1 && issuer.answers.current.keyFetches == 1)
      // The same token again, with the keys gone: only what is remembered can answer.
      issuer.answers.set { $0.keys = [] }
      #expect(await issuer.reason(tokens[0]) == nil)
    }
  }

  @Test func `a key that is not known is asked for at once, and then once a minute`() async throws {
    try await FakeIssuer.with { issuer in
      let old = try await issuer.newKey("old")
      #expect(await issuer.reason(try await old.token(issuer.claims())) == nil)
      // Rotation: the new key comes, the old one goes.
      issuer.answers.set { $0.keys = [] }
      let new = try await issuer.newKey("new")
      #expect(await issuer.reason(try await new.token(issuer.claims())) == nil)
      #expect(issuer.answers.current.keyFetches == 2)
      let stranger = try await TokenSigner.make("stranger", .p256, in: issuer.folder)
      for number in 0..<20 {
        let token = try await stranger.token(issuer.claims(["jti": "\(number)"]))
        #expect(await issuer.reason(token) == "its issuer has no ES256 key \"stranger\"")
      }
      #expect(issuer.answers.current.keyFetches == 2)
      issuer.clock.advance(seconds: 60)
      #expect(await issuer.reason(try await stranger.token(issuer.claims())) != nil)
      #expect(issuer.answers.current.keyFetches == 3)
      // A new token of the key that went is refused, though its old one was taken.
      #expect(await issuer.reason(try await old.token(issuer.claims(["jti": "9"]))) != nil)
    }
  }

  @Test func `an outage of the issuer leaves the old keys in force for a day`() async throws {
    try await FakeIssuer.with { issuer in
      let signer = try await issuer.newKey("one")
      #expect(await issuer.reason(try await signer.token(issuer.claims())) == nil)
      issuer.answers.set { $0.isDown = true }
      issuer.clock.advance(seconds: 3_600)
      #expect(await issuer.reason(try await signer.token(issuer.claims())) == nil)
      #expect(issuer.answers.current.configurationFetches == 2)
      // Not asked again within the pause after a failure.
      #expect(await issuer.reason(try await signer.token(issuer.claims(["jti": "2"]))) == nil)
      #expect(issuer.answers.current.configurationFetches == 2 && issuer.troubles.value == 1)
      issuer.clock.advance(seconds: 86_400)
      let refused = await issuer.authenticator.authenticate(Secret(try await signer.token(issuer.claims())))
      guard case .failure(let refusal) = refused else { throw TestFailure("taken") }
      #expect(refusal.isOutage && refusal.reason.contains("answered 503"))
      issuer.answers.set { $0.isDown = false }
      issuer.clock.advance(seconds: 10)
      #expect(await issuer.reason(try await signer.token(issuer.claims())) == nil)
    }
  }

  @Test(arguments: [
    (nil, 3_600.0), ("max-age=900", 900), ("public, max-age=1", 300), ("max-age=999999", 86_400), ("no-cache", 300),
    ("max-age=-1", 3_600),
  ])
  func `keys are as fresh as the issuer says, within bounds`(cacheControl: String?, life: Double) async throws {
    try await FakeIssuer.with { issuer in
      issuer.answers.set { $0.cacheControl = cacheControl }
      let signer = try await issuer.newKey("one")
      #expect(await issuer.reason(try await signer.token(issuer.claims())) == nil)
      issuer.clock.advance(seconds: life * 0.8 - 1)
      #expect(await issuer.reason(try await signer.token(issuer.claims())) == nil)
      #expect(issuer.answers.current.keyFetches == 1)
      issuer.clock.advance(seconds: life * 0.2 + 1)
      #expect(await issuer.reason(try await signer.token(issuer.claims())) == nil)
      #expect(issuer.answers.current.keyFetches == 2)
    }
  }

  @Test func `keys are fetched anew ahead of their end while the old ones serve`() async throws {
    try await FakeIssuer.with { issuer in
      let signer = try await issuer.newKey("one")
      #expect(await issuer.reason(try await signer.token(issuer.claims())) == nil)
      let gate = Gate()
      issuer.answers.set { $0.gate = gate }
      issuer.clock.advance(seconds: 3_000)
      // Answered though the issuer does not answer.
      #expect(await issuer.reason(try await signer.token(issuer.claims())) == nil)
      gate.open()
      issuer.clock.advance(seconds: 700)
      // Joins the fetch that is under way.
      #expect(await issuer.reason(try await signer.token(issuer.claims())) == nil)
      #expect(issuer.answers.current.keyFetches == 2)
    }
  }

  @Test func `a configuration of another issuer, or that leads astray, is not followed`() async throws {
    let astray = "its issuer's configuration has no jwks_uri that is a plain https URL"
    let cases: [(change: @Sendable (inout FakeIssuer.Answers.State) -> Void, reason: String)] = [
      ({ $0.issuer = "https://evil.example" }, "its issuer's configuration is that of another issuer"),
      ({ $0.keysURL = "http://example.com/keys" }, astray), ({ $0.keysURL = "file:///etc/passwd" }, astray),
      ({ $0.keys = [] }, "none of its keys can be used"), ({ $0.keys = ["1"] }, "none of its keys can be used"),
      ({ $0.keys = ["\"\(String(repeating: "x", count: 262_144))\""] }, "tooLong"),
    ]
    for (change, reason) in cases {
      try await FakeIssuer.with { issuer in
        let signer = try await issuer.newKey("one")
        issuer.answers.set(change)
        let answer = await issuer.reason(try await signer.token(issuer.claims())) ?? ""
        #expect(answer == reason || reason == "tooLong" && answer.contains("cannot ask"), "\(answer)")
      }
    }
  }

  @Test func `keys that are weak, unsound or for something else are passed over`() async throws {
    try await withTemporaryFolder { folder in
      let weak = try await TokenSigner.make("weak", .rsa, bits: 1_024, in: folder)
      let rsa = try await TokenSigner.make("rsa", .rsa, in: folder)
      let curve = try await TokenSigner.make("curve", .p256, in: folder)
      let point = try await curve.publicKey()
      let other = TokenSigner.code([UInt8](repeating: 1, count: 32))
      func usable(_ keys: String...) -> Int {
        return (try? JSONWebKeySet(parsing: Array(#"{"keys":[\#(keys.joined(separator: ","))]}"#.utf8)))?.keys.count
          ?? 0
      }
      let plain = try await rsa.publicKey()
      #expect(usable(point, plain) == 2)
      let operations = try await rsa.publicKey(#""alg":"RS256","key_ops":["verify"]"#)
      #expect(usable(operations) == 1)
      for key in [
        try await weak.publicKey(), try await rsa.publicKey(#""use":"enc""#),
        try await rsa.publicKey(#""alg":"RS512""#),
        try await rsa.publicKey(#""alg":"HS256""#), try await rsa.publicKey(#""key_ops":["encrypt"]"#),
        try await curve.publicKey(#""alg":"RS256""#), #"{"kty":"oct","k":"AAAA","alg":"HS256"}"#,
        #"{"kty":"EC","crv":"P-256","x":"\#(other)","y":"\#(other)"}"#, #"{"kty":"EC","crv":"P-256","x":"","y":""}"#,
        #"{"kty":"RSA","n":"","e":"AQAB"}"#,
        #"{"kty":"RSA","n":"\#(TokenSigner.code([UInt8](repeating: 255, count: 256)))","e":"AQ"}"#,
        #"{"kty":"RSA","n":"\#(TokenSigner.code([UInt8](repeating: 255, count: 1_025)))","e":"AQAB"}"#,
      ] { #expect(usable(key) == 0, "\(key)") }
      // A set with a member twice is nobody's.
      #expect(usable(#"{"kty":"EC","kty":"RSA"}"#, point) == 0)
    }
  }

  @Test func `settings that cannot be meant are refused`() {
    for (issuer, audiences, name, keys) in [
      ("http://issuer.example", ["a"], "sub", nil), ("issuer.example", ["a"], "sub", nil),
      ("https://issuer.example", [], "sub", nil), ("https://issuer.example", [""], "sub", nil),
      ("https://issuer.example", ["a"], "{", nil), ("https://issuer.example", ["a"], "sub", "http://127.0.0.1/keys"),
    ] as [(String, [String], String, String?)] {
      #expect(throws: OIDCIssuer.Fault.self) {
        try OIDCIssuer(issuer: issuer, audiences: audiences, name: name, keysURL: keys)
      }
    }
    #expect(throws: OIDCIssuer.Fault.self) {
      try OIDCIssuer(issuer: "http://issuer.example", audiences: ["a"], allowsInsecure: true)
    }
  }
}
