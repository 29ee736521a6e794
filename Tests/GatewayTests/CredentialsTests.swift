import ArtifactsAPI
import EventLoop
import FoundationEssentials
import GatewayTestSupport
import Testing

@testable import Gateway

@Suite struct CredentialsTests {
  private func read(_ text: String) throws -> Credentials { try read(Array(text.utf8)) }

  private func read(_ bytes: [UInt8]) throws -> Credentials {
    try bytes.withUnsafeBytes { bytes throws(CredentialRefusal) in try Credentials(bytes) }
  }

  private static func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }

  private static let token = TokenSecret.make()
  private static let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"

  @Test func `the forms that clients send are told apart`() throws {
    let (token, jwt) = (Self.token.exposed, Self.jwt)
    for scheme in ["Basic", "basic", "BASIC", "bAsIc"] {
      #expect(try read("\(scheme) \(Self.base64("ada:se:cret"))") == .password(user: "ada", Secret("se:cret")))
    }
    #expect(try read("Basic   \(Self.base64("ada:"))") == .password(user: "ada", Secret("")))
    #expect(try read("Basic \(Self.base64(":x"))") == .password(user: "", Secret("x")))
    #expect(try read("Basic \(Self.base64("Ämne:pä"))") == .password(user: "Ämne", Secret("pä")))
    for user in ["x-token", "", "oauth2"] {
      #expect(try read("Basic \(Self.base64("\(user):\(token)"))") == .token(Self.token))
      #expect(try read("Basic \(Self.base64("\(user):\(jwt)"))") == .signed(Secret(jwt)))
    }
    #expect(try read("Bearer \(token)") == .token(Self.token))
    #expect(try read("bearer \(jwt)") == .signed(Secret(jwt)))
    // Three parts, but not of a JWS.
    for password in ["a.b.c", "eyJ.b", "eyJ..c", "eyJ.b.", "eyJ.b.c.d", "eyJ.b.c+"] {
      #expect(try read("Basic \(Self.base64("ada:\(password)"))") == .password(user: "ada", Secret(password)))
    }
  }

  @Test(arguments: [
    "", " ", "Basic", "Basic ", "Bearer", "Bearer ", "Digest x", "Basicx YTpi", "Basic YTpi YTpi", "Basic YTp",
    "Basic YTpi=", "Basic YTpi====", "Basic =", "Basic ====", "Basic YT=i", "Basic YTpj_", "Basic YQ==",
    "Basic YTpiYx==", "Basic !!!!", "Bearer hello", "Bearer a b", "Bearer agt", "Token agt_x", "Negotiate YTpi", ",",
    "Basic,YTpi", "\u{0}", "Basic AAAA", "Basic YQA6Yg==", "Basic OgA=", "Basic OgE=", "Basic /zph", "Basic YTr/",
  ])
  func `what does not follow the grammar is refused`(text: String) {
    let error = #expect(throws: CredentialRefusal.self) { _ = try self.read(text) }
    #expect(error?.kind == .wrong)
  }

  @Test func `a value that was cut anywhere is not taken for the whole`() throws {
    for value in [
      "Bearer \(Self.token.exposed)", "Basic \(Self.base64("ada:\(Self.token.exposed)"))", "Bearer \(Self.jwt)",
      "Basic \(Self.base64("ada:secret"))",
    ] {
      let whole = try read(value)
      let bytes = Array(value.utf8)
      for count in 0..<bytes.count { #expect((try? read(Array(bytes[..<count]))) != whole, "\(count)") }
      for index in bytes.indices {
        // Any other byte anywhere: no trap, and nobody else's secret.
        for byte in [0x00, 0x20, 0x3a, 0x80, 0xff] as [UInt8] where byte != bytes[index] {
          var other = bytes
          other[index] = byte
          _ = try? read(other)
        }
      }
    }
  }

  @Test func `a secret has its form, and no two are the same`() {
    let secrets = (0..<200).map { _ in TokenSecret.make().exposed }
    #expect(Set(secrets).count == 200)
    for secret in secrets {
      #expect(secret.utf8.count == 76 && secret.hasPrefix("agt_"))
      #expect(Fingerprint(of: String(secret.prefix(68))).description.hasPrefix(secret.suffix(8)))
    }
  }

  // MARK: Files

  private static let hash = "6c0360c328e1ccde30d644b24289b0d5cd2a5c20d5dc1094765c991820aa7a03"

  @Test(arguments: [
    ("ci", "t:2: name:hash:expiry is wanted"), ("ci:\(hash)", "t:2: name:hash:expiry"),
    ("c i:\(hash):-", "t:2: a name of"), (":\(hash):-", "t:2: a name of"),
    ("ci:\(hash.dropLast()):-", "t:2: 64 hexadecimal digits"), ("ci:\(hash)0:-", "t:2: 64 hexadecimal digits"),
    ("ci:\(hash.dropLast())g:-", "t:2: 64 hexadecimal digits"), ("ci:\(hash):", "t:2: an expiry such as"),
    ("ci:\(hash):2027-02-30T00:00:00Z", "t:2: an expiry"), ("ci:\(hash):2027-01-31T00:00:00+01:00", "t:2: an expiry"),
    ("a:\(hash):-\nb:\(hash):-", "t:3: the token stands in line twice"),
  ])
  func `a line of tokens that does not do is named`(text: String, complaint: String) {
    let error = #expect(throws: AccessFileError.self) { _ = try TokenTable("# tokens\n\(text)\n", path: "t") }
    #expect(error?.description.hasPrefix(complaint) == true, "\(error?.description ?? "")")
  }

  @Test func `a token counts until it expires`() throws {
    let (first, second) = (TokenSecret.make(), TokenSecret.make())
    let end = try #require(UTCTime.seconds("2027-01-31T12:30:45Z"))
    #expect(end == 1_801_398_645 && UTCTime.text(end) == "2027-01-31T12:30:45Z")
    let lines = [
      TokenTable.Entry(name: "ci", hash: Fingerprint(of: first.exposed), expiry: end),
      TokenTable.Entry(name: "bob@host", hash: Fingerprint(of: second.exposed), expiry: nil),
    ].map(\.line)
    let table = try TokenTable("\r\n#\n\(lines[0])\r\n\(lines[1])", path: "t")
    #expect(try table.verify(first, at: Double(end) - 1).identity == Identity(.token, "ci"))
    #expect(throws: CredentialRefusal(.wrong, "expired token ci")) { _ = try table.verify(first, at: Double(end)) }
    #expect(try table.verify(second, at: 1e12) == VerifiedIdentity(Identity(.token, "bob@host"), expiry: nil))
    for other in [TokenSecret.make(), Secret("agt_"), Secret("")] {
      #expect(throws: CredentialRefusal(.wrong, "unknown token")) { _ = try table.verify(other, at: 0) }
    }
  }

  @Test(arguments: [
    ("ada", "h:2: user:hash is wanted"), ("ada:$apr1$x$y", "h:2: user \"ada\": MD5 is not taken"),
    ("ada:$1$x$y", "h:2: user \"ada\": MD5"), ("ada:{SHA}x", "h:2: user \"ada\": SHA-1"),
    ("ada:$6$x$y", "h:2: user \"ada\": crypt with SHA-2"), ("ada:abcdefghijklm", "h:2: user \"ada\": crypt with DES"),
    ("ada:secret", "h:2: user \"ada\": what is no bcrypt hash"), ("ada:$2a$10$x", "h:2: user \"ada\": an old form"),
    ("ada:$2y$10$x", "h:2: user \"ada\": the hash is no whole"),
    ("ada:$2y$31$" + String(repeating: "a", count: 53), "h:2: user \"ada\": a bcrypt cost"),
    ("ada:\(bcrypt)\nada:\(bcrypt)", "h:3: user \"ada\" stands in line twice"),
    ("a\u{1}:\(bcrypt)", "h:2: a name of a user"),
  ])
  func `a line of passwords that does not do is named`(text: String, complaint: String) {
    let error = #expect(throws: AccessFileError.self) { _ = try PasswordTable("# users\n\(text)\n", path: "h") }
    #expect(error?.description.hasPrefix(complaint) == true, "\(error?.description ?? "")")
    #expect(error?.description.contains("$2y$31$aaa") == false)
  }

  /// Of "secret", cost 4.
  static let bcrypt = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"

  // MARK: Bounds

  @Test func `ten failures within a minute are the most, for each network`() {
    let limiter = FailureLimiter()
    let second: UInt64 = 1_000_000_000
    let addresses: [SocketAddress] = [
      .v4(0x0a00_0001, port: 1), .v6(0x2001_0db8_0000_0001, 5, port: 1, scope: 0),
      .v6(0, 0xffff_0a00_0002, port: 9, scope: 0),
    ]
    for address in addresses {
      for number in 0..<10 {
        #expect(limiter.secondsLeft(for: address, at: second) == nil, "\(number)")
        limiter.note(address, at: second)
      }
      #expect(limiter.secondsLeft(for: address, at: second) == 60)
      #expect(limiter.secondsLeft(for: address, at: 60 * second) == 1)
      #expect(limiter.secondsLeft(for: address, at: 61 * second) == nil)
    }
    // Another port, another host of the same network, the same host as IPv4: the same client. Others are not.
    let same: [SocketAddress] = [
      .v4(0x0a00_0001, port: 2), .v6(0x2001_0db8_0000_0001, 99, port: 2, scope: 0), .v4(0x0a00_0002, port: 1),
    ]
    for address in same { #expect(limiter.secondsLeft(for: address, at: second) != nil, "\(address)") }
    let others: [SocketAddress] = [
      .v4(0x0a00_0003, port: 1), .v6(0x2001_0db8_0000_0002, 5, port: 1, scope: 0),
      .v6(0, 0xffff_0a00_0003, port: 9, scope: 0), .unix(""),
    ]
    for address in others { #expect(limiter.secondsLeft(for: address, at: second) == nil, "\(address)") }
    for _ in 0..<20 { limiter.note(.unix(""), at: second) }
    #expect(limiter.secondsLeft(for: .unix(""), at: second) == nil)
    // The minute is over: it begins anew.
    limiter.note(addresses[0], at: 62 * second)
    #expect(limiter.secondsLeft(for: addresses[0], at: 62 * second) == nil)
  }

  @Test func `what is remembered of clients and verdicts is bounded`() {
    let limiter = FailureLimiter()
    for number in 0..<20_000 { limiter.note(.v4(UInt32(number), port: 1), at: 1) }
    #expect(limiter.count <= 4096)
    let verdicts = VerdictCache()
    let known = VerifiedIdentity(Identity(.password, "ada"), expiry: nil)
    for number in 0..<5_000 {
      let key = verdicts.key(of: .password(user: "u\(number)", Secret("x")))
      _ = verdicts.keep(known, key, generation: 1, at: 0)
    }
    #expect(verdicts.count <= 1024)
  }

  @Test func `a verdict counts for five minutes, for its files and its expiry, and for nothing else`() {
    let verdicts = VerdictCache()
    let key = verdicts.key(of: .password(user: "ada", Secret("x")))
    let known = VerifiedIdentity(Identity(.password, "ada"), expiry: nil)
    #expect(verdicts.keep(known, key, generation: 1, at: 1000).expiry == 1300)
    #expect(verdicts.find(key, generation: 1, at: 1299)?.identity == known.identity)
    for other in [
      Credentials.password(user: "ada", Secret("y")), .password(user: "adax", Secret("")), .signed(Secret("x")),
      .password(user: "ad", Secret("ax")), .token(Secret("x")),
    ] { #expect(verdicts.find(verdicts.key(of: other), generation: 1, at: 1001) == nil) }
    #expect(verdicts.find(key, generation: 1, at: 1300) == nil)
    _ = verdicts.keep(known, key, generation: 1, at: 1000)
    #expect(verdicts.find(key, generation: 2, at: 1001) == nil)
    #expect(
      verdicts.keep(VerifiedIdentity(known.identity, expiry: 1010), key, generation: 1, at: 1000).expiry == 1010)
    #expect(verdicts.find(key, generation: 1, at: 1010) == nil)
  }

  @Test func `passwords are compared by bcrypt, and no more at once than may be`() async throws {
    let hasher = PasswordHasher()
    #expect(try await hasher.matches(Secret("secret"), Self.bcrypt))
    #expect(try await !hasher.matches(Secret("Secret"), Self.bcrypt))
    #expect(try await !hasher.matches(Secret(""), Self.bcrypt))
    // bcrypt itself would take it for its first 72 bytes.
    let outcomes = await withTaskGroup(of: Bool?.self) { group in
      for _ in 0..<300 { group.addTask { try? await hasher.matches(Secret("secret"), Self.bcrypt) } }
      return await group.reduce(into: [:] as [Bool?: Int]) { $0[$1, default: 0] += 1 }
    }
    #expect(outcomes[false] == nil)
    #expect(outcomes[true, default: 0] >= 66)
  }
}
