import ArtifactsAPI
import Gateway
import GatewayTestSupport
import Testing

@Suite(.enabled(if: TokenSigner.tool.isThere))
struct `OIDC tokens` {
  @Test(arguments: [TokenSigner.Kind.rsa, .p256])
  func `a token of the issuer's is an identity with its claims`(kind: TokenSigner.Kind) async throws {
    try await FakeIssuer.with { issuer in
      let signer = try await issuer.newKey("one", kind)
      let token = try await signer.token(
        issuer.claims([
          "aud": #"["other","gateway"]"#, "run_id": "17", "protected": "true", "groups": #"["a","b","c,d"]"#,
          "deep": #"{"a":1}"#, "nothing": "null", "long": "\"\(String(repeating: "x", count: 1_025))\"",
        ]))
      let identity = try await issuer.identity(token)
      #expect(identity.source == .oidc)
      #expect(identity.name == "repo:acme/site:ref:refs/heads/main")
      #expect(identity.claims["run_id"] == "17" && identity.claims["protected"] == "true")
      #expect(identity.claims["groups"] == "a,b" && identity.claims["iss"] == issuer.url)
      #expect(identity.claims["deep"] == nil && identity.claims["nothing"] == nil && identity.claims["long"] == nil)
    }
  }

  @Test func `claims that do not do are refused, each with its reason, and nobody is asked`() async throws {
    try await FakeIssuer.with(required: ["sub": "repo:acme/*", "env": "prod-?"]) { issuer in
      let signer = try await issuer.newKey("one")
      let now = Int(issuer.clock.now)
      let good: [String: String?] = ["env": #"["test","prod-1"]"#]
      let cases: [(changes: [String: String?], reason: String)] = [
        (["exp": "\(now - 60)"], "it has expired"), (["exp": nil], "it has no exp"),
        (["exp": #""soon""#], "its exp is no time"), (["exp": "1e400"], "its exp is no time"),
        (["nbf": "\(now + 61)"], "it is not yet valid"), (["nbf": "[]"], "its nbf is no time"),
        (["iat": "\(now + 61)"], "it was issued in the future"),
        (["iss": nil], "it has no iss"), (["iss": "[\"\(issuer.url)\"]"], "it has no iss"),
        (["iss": "\"\(issuer.url)/\""], "its issuer is \"\(issuer.url)/\", which is not configured"),
        (["aud": #""gateway2""#], "it is for \"gateway2\", not for this gateway"),
        (["aud": nil], "it is for \"\", not for this gateway"),
        (["aud": #"["gateway",1]"#], "it is for \"\", not for this gateway"),
        (["sub": nil], "its sub is not what is required"),
        (["sub": #""repo:evil/acme/x""#], "its sub is not what is required"),
        (["env": #""prod-12""#], "its env is not what is required"),
        (["env": #"{"prod-1":"prod-1"}"#], "its env is not what is required"),
      ]
      for (changes, reason) in cases {
        let token = try await signer.token(issuer.claims(good.merging(changes) { $1 }))
        #expect(await issuer.reason(token) == reason, "\(changes)")
      }
      #expect(issuer.answers.current.keyFetches == 0)
      // Within the difference that clocks may have.
      for (name, value) in [("exp", now - 59), ("nbf", now + 60), ("iat", now + 60)] {
        let token = try await signer.token(issuer.claims(good.merging([name: "\(value)"]) { $1 }))
        #expect(await issuer.reason(token) == nil, "\(name)")
      }
    }
  }

  @Test func `headers that are not those of RS256 or ES256 are refused, whoever signed`() async throws {
    try await FakeIssuer.with { issuer in
      let signer = try await issuer.newKey("one", .rsa)
      let own = try await TokenSigner.make("own", .rsa, in: issuer.folder)
      let claims = issuer.claims()
      let key = try await own.publicKey()
      let cases = [
        (#"{"alg":"none","kid":"one"}"#, "its algorithm is \"none\", neither RS256 nor ES256"),
        (#"{"alg":"HS256","kid":"one"}"#, "its algorithm is \"HS256\", neither RS256 nor ES256"),
        (#"{"alg":"RS512","kid":"one"}"#, "its algorithm is \"RS512\", neither RS256 nor ES256"),
        (#"{"alg":"rs256","kid":"one"}"#, "its algorithm is \"rs256\", neither RS256 nor ES256"),
        (#"{"kid":"one"}"#, "its header names no algorithm"), (#"{"alg":["RS256"]}"#, "its header names no algorithm"),
        (#"{"alg":"RS256","alg":"RS256","kid":"one"}"#, "its header has a member twice"),
        (#"{"alg":"RS256","kid":"one","crit":["exp"],"exp":1}"#, "its header has crit"),
        (#"{"alg":"RS256","kid":"one","typ":"at+jwt"}"#, "its type is not JWT"),
        (#"{"alg":"RS256","kid":1}"#, "its kid is no key id"), (#"["RS256"]"#, "its header is not a JSON object"),
        (#"{"alg":"RS256""#, "its header is not JSON"),
        (#"{"alg":"ES256","kid":"one"}"#, "its issuer has no ES256 key \"one\""),
      ]
      for (header, reason) in cases {
        #expect(await issuer.reason(try await signer.token(header: header, claims)) == reason, "\(header)")
      }
      // Keys that a token brings along are not its issuer's.
      for header in [
        #"{"alg":"RS256","kid":"one","jwk":\#(key)}"#, #"{"alg":"RS256","jwk":\#(key)}"#,
        #"{"alg":"RS256","kid":"one","jku":"\#(issuer.url)/evil","x5u":"\#(issuer.url)/evil"}"#,
      ] {
        let reason = await issuer.reason(try await own.token(header: header, claims))
        #expect(reason == "its signature is not its issuer's", "\(header)")
      }
      // The public key taken for the secret of an HMAC, under its own name and under that of RSA.
      for name in ["HS256", "RS256"] {
        let token = try await TokenSigner.token(
          hmac: signer.publicPEM, header: #"{"alg":"\#(name)","kid":"one"}"#, claims, in: issuer.folder)
        #expect(await issuer.reason(token) != nil)
      }
      let unsigned = "\(TokenSigner.code(#"{"alg":"none"}"#.utf8)).\(TokenSigner.code(claims.utf8))."
      #expect(await issuer.reason(unsigned) == "it is not three parts of base64url")
    }
  }

  @Test(arguments: [TokenSigner.Kind.rsa, .p256])
  func `a token that was changed or cut anywhere is refused`(kind: TokenSigner.Kind) async throws {
    try await FakeIssuer.with { issuer in
      let signer = try await issuer.newKey("one", kind)
      let token = try await signer.token(issuer.claims())
      for end in 0..<token.utf8.count {
        let part = String(decoding: token.utf8.prefix(end), as: UTF8.self)
        #expect(await issuer.reason(part) != nil, "\(end)")
      }
      for index in token.utf8.indices {
        for byte in Set(["A", "B", "_", "=", ".", " ", "\u{0}"].flatMap { Array($0.utf8) })
        where token.utf8[index] != byte {
          var bytes = Array(token.utf8)
          bytes[token.utf8.distance(from: token.utf8.startIndex, to: index)] = byte
          let changed = String(decoding: bytes, as: UTF8.self)
          guard await issuer.reason(changed) != nil else {
            Issue.record("taken with byte \(index) changed to \(byte)")
            return
          }
        }
      }
      for tail in ["=", "\n", ".", "A"] { #expect(await issuer.reason(token + tail) != nil) }
      #expect(await issuer.reason(token) == nil)
    }
  }

  @Test func `claims that could be read in two ways, or hold too much, are refused`() async throws {
    try await FakeIssuer.with { issuer in
      let signer = try await issuer.newKey("one")
      let twice = "{\"sub\":\"admin\"," + issuer.claims().dropFirst()
      #expect(await issuer.reason(try await signer.token(twice)) == "its claims has a member twice")
      let deep = issuer.claims(["x": String(repeating: "[", count: 9) + String(repeating: "]", count: 9)])
      #expect(await issuer.reason(try await signer.token(deep)) == "its claims holds too much")
      let many = issuer.claims(Dictionary(uniqueKeysWithValues: (0..<128).map { ("c\($0)", "1") }))
      #expect(await issuer.reason(try await signer.token(many)) == "its claims holds too much")
      let wide = issuer.claims(["x": "[\(String(repeating: "1,", count: 600))1]"])
      #expect(await issuer.reason(try await signer.token(wide)) == "its claims holds too much")
      let long = issuer.claims(["x": "\"\(String(repeating: "x", count: 16_384))\""])
      #expect(await issuer.reason(try await signer.token(long)) == "it is longer than 16 KiB")
    }
  }

  @Test func `a name is made of the claims that a template names`() async throws {
    try await FakeIssuer.with(name: "ci/{repository}@{environment}") { issuer in
      let signer = try await issuer.newKey("one")
      let named = issuer.claims(["repository": #""acme/site""#, "environment": #""prod""#])
      #expect(try await issuer.identity(try await signer.token(named)).name == "ci/acme/site@prod")
      let bare = issuer.claims(["repository": #""acme/site""#])
      #expect(await issuer.reason(try await signer.token(bare)) == "it has no environment to be named by")
      let odd = issuer.claims(["repository": #""acme\nsite""#, "environment": #""prod""#])
      #expect(
        await issuer.reason(try await signer.token(odd)) == "the name that it makes is too long, or holds controls")
    }
    for text in ["", "{", "}", "{}", "a{b", "a}b", "{a{b}}"] { #expect(ClaimTemplate(text) == nil, "\(text)") }
  }

  @Test func `random bytes are refused and nothing else`() async throws {
    var random = SplitMix64(state: 7)
    let alphabet = Array("eyJhbGciOiJSUzI1NiJ9._-=\"{}[]:,\\u0".utf8)
    for _ in 0..<20_000 {
      let count = Int.random(in: 0..<80, using: &random)
      let bytes = (0..<count).map { _ in alphabet.randomElement(using: &random) ?? 0 }
      #expect(throws: OIDCRefusal.self) { try JSONWebToken(parsing: String(decoding: bytes, as: UTF8.self)) }
      let parts = (0..<3).map { _ in TokenSigner.code(bytes.shuffled(using: &random)) }.joined(separator: ".")
      #expect(throws: OIDCRefusal.self) { try JSONWebToken(parsing: parts) }
      _ = try? JSONWebKeySet(parsing: bytes)
    }
  }

  @Test(arguments: [
    ("*", "", true), ("*", "a", true), ("", "", true), ("", "a", false), ("a*", "a", true), ("a*c", "abbc", true),
    ("a*c", "abcb", false), ("a?c", "abc", true), ("a?c", "ac", false), ("*a*b*", "xxaxxbxx", true),
    ("*.*", "a.b", true), ("refs/heads/*", "refs/heads/a/b", true), ("A", "a", false), ("a", "ab", false),
  ])
  func `patterns match as shells' do, slashes included`(pattern: String, text: String, isMatch: Bool) {
    #expect(ClaimPattern(pattern).matches(text) == isMatch)
  }
}
