import ArtifactsAPI
import EventLoop
import FoundationEssentials
import GatewayTestSupport
import Glibc
import HTTPCore
import Synchronization
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(5))) struct AuthenticationTests {
  /// A gateway that asks who one is, and what it knows of people.
  private struct Guarded {
    let test: TestGateway
    let folder: String
    let clock: ManualClock
    let ci: Secret
    let short: Secret

    func ask(_ authorization: String?) async throws -> HTTPAnswer {
      try await ask(GitOperation.fetchRefs.request(), authorization)
    }

    func ask(_ request: HTTPRequest, _ authorization: String?) async throws -> HTTPAnswer {
      try await test.ask(authorization.map { request.with("Authorization", $0) } ?? request)
    }

    func status(_ authorization: String?) async throws -> Int { try await ask(authorization).status }

    /// Makes the files count that were changed, whatever the time: what looks at them does so once a second.
    func reread() throws(AccessFileError) {
      var settings = RuntimeSettings(configuration)
      settings.allowedHosts = []
      try test.gateway.apply(settings)
    }

    let configuration: GatewayConfiguration
  }

  private static func basic(_ user: String, _ password: String) -> String {
    "Basic \(Data("\(user):\(password)".utf8).base64EncodedString())"
  }

  private func guarded<Result>(
    log: LogSink? = nil, adjust: (inout AuthenticationConfiguration) -> Void = { _ in },
    verifier: (any BearerVerifier)? = nil, _ body: (Guarded) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryFolder { folder in
      let clock = ManualClock()
      let (ci, short) = (TokenSecret.make(), TokenSecret.make())
      let tokens = [
        TokenTable.Entry(name: "ci", hash: Fingerprint(of: ci.exposed), expiry: nil),
        TokenTable.Entry(name: "short", hash: Fingerprint(of: short.exposed), expiry: Int(clock.now) + 60),
      ]
      try write(tokens.map(\.line).joined(separator: "\n"), to: folder + "/tokens")
      try write("ada:\(CredentialsTests.bcrypt)\n", to: folder + "/htpasswd")
      var authentication = AuthenticationConfiguration()
      authentication.tokenFile = folder + "/tokens"
      authentication.passwordFile = folder + "/htpasswd"
      authentication.realm = "team"
      adjust(&authentication)
      var made: GatewayConfiguration?
      return try await TestGateway.with(
        log: log,
        configure: {
          $0.access.authentication = authentication
          $0.access.rules = [AccessRule(name: "all", who: ["*"], repos: ["**"], allow: Set(Right.allCases))]
          $0.bearerVerifier = verifier
          $0.wallClock = { clock.now }
          made = $0
        }
      ) { test in
        guard let made else { throw TestFailure("not configured") }
        return try await body(
          Guarded(test: test, folder: folder, clock: clock, ci: ci, short: short, configuration: made))
      }
    }
  }

  @Test func `who shows nothing is asked, who shows the right thing is served, and the log says who`() async throws {
    let log = try LogPipe()
    var secrets: [String] = []
    try await guarded(log: log.sink) { test in
      secrets = [test.ci.exposed, test.short.exposed, Self.basic("x", test.ci.exposed), Self.basic("ada", "secret")]
      for operation in GitOperation.allCases {
        let asked = try await test.ask(operation.request(), nil)
        #expect(asked.status == 401, "\(operation)")
        let challenges = asked.fields.list.filter { $0.name == "www-authenticate" }.map(\.value)
        #expect(challenges == ["Basic realm=\"team\", charset=\"UTF-8\"", "Bearer realm=\"team\""])
        #expect(asked.field("x-artifacts-gateway-error") == "unauthenticated")
        #expect(asked.field("content-type")?.hasPrefix("text/plain") == true)
        for shown in [
          Self.basic("x", test.ci.exposed), "Bearer \(test.ci.exposed)", Self.basic("", test.short.exposed),
          Self.basic("ada", "secret"),
        ] { #expect(try await test.ask(operation.request(), shown).status == 200, "\(operation)") }
      }
      let requests = (await test.test.upstream.requests + (await test.test.apiServer.requests)).map(\.text).joined()
      for secret in secrets { #expect(!requests.contains(secret)) }
    }
    let text = await log.finish()
    let lines = try text.split(separator: "\n").map { try JSONTree(parsing: Array($0.utf8)) }.filter {
      $0["message"].text == "request"
    }
    #expect(Set(lines.compactMap { $0["identity"].text }) == ["token:ci", "token:short", "password:ada"])
    #expect(lines.filter { $0["status"].number == 401 }.allSatisfy { $0["reason"].text == "no credentials" })
    // git asks without credentials first: nothing to warn of.
    #expect(lines.filter { $0["status"].number == 401 }.allSatisfy { $0["level"].text == "info" })
    for secret in secrets + ["YWRhOnNlY3JldA", "$2b$"] { #expect(!text.contains(secret)) }
  }

  @Test func `what is wrong is refused, and only the log says why`() async throws {
    let log = try LogPipe()
    try await guarded(log: log.sink) { test in
      test.clock.advance(seconds: 60)
      for shown in [
        "Bearer \(test.short.exposed)", "Bearer \(TokenSecret.make().exposed)", Self.basic("ada", "wrong"),
        Self.basic("eve", "secret"), Self.basic("ada", String(repeating: "s", count: 100)), "Basic !", "Digest x",
        "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln",
      ] {
        let answer = try await test.ask(shown)
        #expect(answer.status == 401 && answer.field("www-authenticate") != nil, "\(answer)")
        #expect(answer.text.contains("the credentials are not accepted"))
      }
      let twice = GitOperation.fetchRefs.request().with("Authorization", "Bearer \(test.ci.exposed)")
        .with("authorization", "Bearer \(test.ci.exposed)")
      #expect(try await test.test.ask(twice).status == 400)
      let huge = try await test.ask("Bearer agt_" + String(repeating: "a", count: 20_000))
      #expect(huge.status == 431)
      #expect(await test.test.upstream.requests.isEmpty)
      #expect(try await test.status("Bearer \(test.ci.exposed)") == 200)
    }
    let text = await log.finish()
    for reason in [
      "expired token short", "unknown token", "wrong password of ada", "unknown user", "neither Basic nor Bearer",
      "oidc credentials are not taken here", "more than one Authorization",
    ] { #expect(text.contains(reason), "\(reason)") }
  }

  @Test func `on one connection each request is judged by what it shows itself`() async throws {
    try await guarded { test in
      let connection = try await test.test.connect()
      let request = GitOperation.fetchRefs.request()
      let (ci, ada) = ("Bearer \(test.ci.exposed)", Self.basic("ada", "secret"))
      let short = "Bearer \(test.short.exposed)"
      let wrong = ci.dropLast() + (ci.hasSuffix("0") ? "1" : "0")
      let steps: [(String?, Int)] = [
        (nil, 401), (ci, 200), (ci, 200), (nil, 401), (String(wrong), 401), (ci, 200), (ada, 200), (ci + "0", 401),
        (String(ci.dropLast()), 401), (short, 200), (short, 200), (nil, 401),
      ]
      for (number, (shown, status)) in steps.enumerated() {
        try await connection.send((shown.map { request.with("Authorization", $0) } ?? request).bytes)
        #expect(try await connection.receive()?.status == status, "\(number)")
      }
      // What was good expires under the connection.
      try await connection.send(request.with("Authorization", short).bytes)
      #expect(try await connection.receive()?.status == 200)
      test.clock.advance(seconds: 60)
      try await connection.send(request.with("Authorization", short).bytes)
      #expect(try await connection.receive()?.status == 401)
      // What was good is taken out of the file under the connection.
      try await connection.send(request.with("Authorization", ci).bytes)
      #expect(try await connection.receive()?.status == 200)
      try write("", to: test.folder + "/tokens")
      try test.reread()
      try await connection.send(request.with("Authorization", ci).bytes)
      #expect(try await connection.receive()?.status == 401)
      await connection.close()
    }
  }

  @Test func `a file that does not load changes nothing`() async throws {
    try await guarded { test in
      try write("nonsense\n", to: test.folder + "/tokens")
      let error = #expect(throws: AccessFileError.self) { try test.reread() }
      #expect(error?.description.contains("/tokens:1: ") == true)
      #expect(try await test.status("Bearer \(test.ci.exposed)") == 200)
      try write("# none\n", to: test.folder + "/tokens")
      chmod(test.folder + "/tokens", 0o666)
      #expect(throws: AccessFileError.self) { try test.reread() }
      #expect(try await test.status("Bearer \(test.ci.exposed)") == 200)
      chmod(test.folder + "/tokens", 0o600)
      try test.reread()
      #expect(try await test.status("Bearer \(test.ci.exposed)") == 401)
    }
  }

  @Test func `ten failures from one address are the most, but for those who are known`() async throws {
    try await guarded { test in
      #expect(try await test.status(Self.basic("ada", "secret")) == 200)
      for number in 0..<10 { #expect(try await test.status(Self.basic("ada", "guess\(number)")) == 401) }
      let others = [
        Self.basic("ada", "guess"), Self.basic("eve", "secret"), "Bearer \(TokenSecret.make().exposed)", "x",
      ]
      for shown in others {
        let answer = try await test.ask(shown)
        #expect(answer.status == 429 && answer.field("x-artifacts-gateway-error") == "too_many_failures", "\(answer)")
        #expect((1...60).contains(answer.field("retry-after").flatMap { Int($0) } ?? 0))
      }
      // Who was known before, or has a secret that nobody guesses, is not locked out by his neighbour.
      #expect(try await test.status(Self.basic("ada", "secret")) == 200)
      #expect(try await test.status("Bearer \(test.ci.exposed)") == 200)
      #expect(try await test.status(nil) == 401)
      // It is told in the form of the admin API as well.
      let problem = try await test.ask(HTTPRequest("GET", "/api/v1/status"), Self.basic("ada", "guess"))
      #expect(problem.status == 429 && problem.field("retry-after") != nil)
    }
  }

  @Test func `the admin API, the page and the control of the process are for those who are known`() async throws {
    try await guarded { test in
      for (method, path) in [
        ("GET", "/api/v1/status"), ("GET", "/api/v1/repos"), ("PUT", "/api/v1/repos/x"), ("GET", "/"),
        ("POST", "/-/quit"), ("POST", "/-/reload"), ("GET", "/nothing"), ("DELETE", "/api/v1/cache"),
      ] {
        let answer = try await test.ask(HTTPRequest(method, path), nil)
        #expect(answer.status == 401, "\(path)")
        if path.hasPrefix("/api") {
          let problem = try JSONTree(parsing: answer.body)
          #expect(problem["name"].text == "UNAUTHENTICATED" && problem["status"].number == 401)
          #expect(answer.field("content-type") == "application/problem+json")
        }
        #expect(try await test.ask(HTTPRequest(method, path), Self.basic("ada", "no")).status == 401)
      }
      #expect(try await test.ask(HTTPRequest("GET", "/api/v1/status"), "Bearer \(test.ci.exposed)").status == 200)
      #expect(try await test.ask(HTTPRequest("GET", "/"), "Bearer \(test.ci.exposed)").status == 200)
      // Whether it lives is for everybody, what goes on in it for those on this machine.
      for path in ["/livez", "/readyz", "/readyz?verbose", "/metrics"] {
        #expect(try await test.ask(HTTPRequest("GET", path), nil).status == 200, "\(path)")
      }
    }
  }

  @Test func `nothing that a client says of itself changes who it is`() async throws {
    try await guarded { test in
      for (name, value) in [
        ("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-User", "ada"), ("Forwarded", "for=127.0.0.1"),
        ("User-Agent", "kube-probe/1.30"), ("Proxy-Authorization", "Bearer \(test.ci.exposed)"),
        ("X-Authorization", "Bearer \(test.ci.exposed)"), ("Cookie", "token=\(test.ci.exposed)"),
      ] {
        let answer = try await test.test.ask(GitOperation.fetchRefs.request().with(name, value))
        #expect(answer.status == 401, "\(name)")
      }
      let query = GitOperation.fetchRefs.request().target + "&access_token=\(test.ci.exposed)"
      #expect(try await test.test.ask(HTTPRequest("GET", query)).status != 200)
    }
  }

  // MARK: Listeners

  @Test func `a listener takes what it is said to take, and nothing else`() async throws {
    try await withTemporaryFolder { sockets in
      let (path, other) = (sockets + "/s", sockets + "/t")
      try await guarded(adjust: { authentication in
        authentication.usesUnixPeers = true
        authentication.usesCertificates = true
        authentication.listenerRules = [
          .init(.v4(0x7f00_0001, port: 0), accepted: [.token]), .init(.unix(path), accepted: [.unix]),
          .init(.unix(other), accepted: [.password, .anonymous]),
        ]
      }) { test in
        _ = try await test.test.gateway.listen(on: .unix(path))
        _ = try await test.test.gateway.listen(on: .unix(other))
        let token = "Bearer \(test.ci.exposed)"
        let password = Self.basic("ada", "secret")
        #expect(try await test.status(token) == 200)
        #expect(try await test.status(password) == 401)
        func ask(_ path: String, _ shown: String?) async throws -> HTTPAnswer {
          let connection = try await HTTPConnection.open(path: path, on: test.test.loop)
          let request = GitOperation.fetchRefs.request()
          try await connection.send((shown.map { request.with("Authorization", $0) } ?? request).bytes)
          let answer = try await connection.receive()
          await connection.close()
          return try #require(answer)
        }
        #expect(try await ask(path, nil).status == 200)
        // No credentials help there, so none are asked for; and shown ones are not passed over.
        for shown in [token, password] {
          let answer = try await ask(path, shown)
          #expect(answer.status == 403 && answer.field("www-authenticate") == nil, "\(answer)")
        }
        #expect(try await ask(other, nil).status == 200)
        #expect(try await ask(other, password).status == 200)
        #expect(try await ask(other, token).status == 401)
        #expect(try await ask(other, Self.basic("ada", "no")).status == 401)
      }
    }
  }

  @Test func `a signed token is asked about once`() async throws {
    let verifier = CountingVerifier()
    try await guarded(verifier: verifier) { test in
      let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
      for shown in ["Bearer \(jwt)", Self.basic("x", jwt), "Bearer \(jwt)"] {
        let status = try await test.status(shown)
        #expect(status == 200)
      }
      #expect(verifier.count == 1)
      #expect(try await test.status("Bearer \(jwt)x") == 401)
      #expect(try await test.status("Bearer \(jwt)x") == 401)
      #expect(verifier.count == 3)
      // It expires before the five minutes are over.
      test.clock.advance(seconds: 100)
      #expect(try await test.status("Bearer \(jwt)") == 200)
      #expect(verifier.count == 4)
    }
  }

  @Test func `without an access configuration nobody is asked`() async throws {
    try await TestGateway.with { test in
      let request = GitOperation.fetchRefs.request()
      for shown in [nil, "Bearer x", "nonsense"] as [String?] {
        let answer = try await test.ask(shown.map { request.with("Authorization", $0) } ?? request)
        #expect(answer.status == 200)
      }
    }
  }
}

/// Knows one token, for less than a minute.
private final class CountingVerifier: BearerVerifier {
  private let calls = Mutex(0)
  private let expiry = WallClock.now + 50

  var count: Int { calls.withLock { $0 } }

  func verify(_ token: Secret) async throws(CredentialRefusal) -> VerifiedIdentity {
    calls.withLock { $0 += 1 }
    guard token.exposed.hasSuffix("c2lnbmF0dXJl") else { throw CredentialRefusal(.wrong, "bad signature") }
    return VerifiedIdentity(Identity(.oidc, "a", claims: ["sub": "a"]), expiry: expiry)
  }
}
