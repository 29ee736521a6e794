import EventLoop
import Gateway
import GatewayTestSupport
import Glibc
import HTTPCore
import Testing

@Suite(.enabled(if: TokenSigner.tool.isThere))
struct `OIDC providers that change while the gateway runs` {
  /// A gateway with rules for everybody who is known, whose providers can be changed.
  private struct Running {
    let test: TestGateway
    let configuration: GatewayConfiguration

    func apply(_ providers: [OIDCIssuer]) throws(AccessFileError) {
      var settings = RuntimeSettings(configuration)
      settings.access.providers = providers
      try test.gateway.apply(settings)
    }

    func status(_ token: String) async throws -> Int {
      try await test.ask(GitOperation.fetchRefs.request().with("Authorization", "Bearer \(token)")).status
    }
  }

  private static func with(
    _ issuer: FakeIssuer, _ providers: [OIDCIssuer], _ body: (Running) async throws -> Void
  ) async throws {
    var made: GatewayConfiguration?
    try await TestGateway.with(
      configure: { configuration in
        configuration.wallClock = { [clock = issuer.clock] in clock.now }
        configuration.access.providers = providers
        configuration.access.authentication = AuthenticationConfiguration()
        configuration.access.rules = [AccessRule(name: "all", who: ["oidc:*"], repos: ["**"], allow: [.read])]
        made = configuration
      }
    ) { test in try await body(Running(test: test, configuration: try #require(made))) }
  }

  private static func provider(
    _ issuer: FakeIssuer, _ audience: String = "gateway", caFile: String? = nil
  ) throws -> OIDCIssuer {
    try OIDCIssuer(issuer: issuer.url, audiences: [audience], caFile: caFile, allowsInsecure: true)
  }

  @Test func `those that are added count at once, and those that are removed or changed no more`() async throws {
    try await FakeIssuer.with { issuer in
      try await FakeIssuer.with { other in
        let (own, others) = (try await issuer.newKey("one"), try await other.newKey("two"))
        let token = try await own.token(issuer.claims())
        let elsewhere = try await other.newToken(others)
        try await Self.with(issuer, []) { running in
          // Where no credentials are taken at all nobody is asked for any.
          #expect(try await running.status(token) == 403)
          try running.apply([Self.provider(issuer)])
          #expect(try await (running.status(token), running.status(elsewhere)) == (200, 401))
          try running.apply([Self.provider(issuer), Self.provider(other)])
          #expect(try await (running.status(token), running.status(elsewhere)) == (200, 200))
          // What both were found to be is remembered, and counts no more where it was found by another provider.
          try running.apply([Self.provider(issuer, "another"), Self.provider(other)])
          #expect(try await (running.status(token), running.status(elsewhere)) == (401, 200))
          try running.apply([Self.provider(issuer)])
          #expect(try await (running.status(token), running.status(elsewhere)) == (200, 401))
          try running.apply([])
          #expect(try await (running.status(token), running.status(elsewhere)) == (403, 403))
        }
      }
    }
  }

  @Test func `a connection that has shown a token of a removed provider is asked again`() async throws {
    try await FakeIssuer.with { issuer in
      let token = try await issuer.newToken(issuer.newKey("one"))
      try await Self.with(issuer, [Self.provider(issuer)]) { running in
        let connection = try await running.test.connect()
        for (providers, status) in [([try Self.provider(issuer)], 200), ([], 403)] {
          try running.apply(providers)
          try await connection.send(
            GitOperation.fetchRefs.request().with("Authorization", "Bearer \(token)").bytes)
          #expect(try await connection.receive(to: .get)?.status == status)
        }
        await connection.close()
      }
    }
  }

  @Test func `an outage during a change leaves those in who are known, and keys that were fetched in use`() async throws
  {
    try await FakeIssuer.with { issuer in
      let signer = try await issuer.newKey("one")
      let known = try await issuer.newToken(signer)
      let fresh = try await signer.token(issuer.claims(["jti": "\"2\""]))
      let another = try await signer.token(issuer.claims(["aud": #""another""#]))
      let nowhere = try OIDCIssuer(issuer: "https://127.0.0.1:1", audiences: ["gateway"])
      try await Self.with(issuer, [Self.provider(issuer)]) { running in
        #expect(try await running.status(known) == 200)
        issuer.answers.set { $0.isDown = true }
        try running.apply([nowhere, Self.provider(issuer)])
        #expect(try await (running.status(known), running.status(fresh)) == (200, 200))
        try running.apply([Self.provider(issuer, "another")])
        #expect(try await (running.status(known), running.status(another)) == (401, 200))
        #expect(issuer.answers.current.keyFetches == 1)
        // One that was gone has nothing left.
        try running.apply([nowhere])
        try running.apply([Self.provider(issuer)])
        #expect(try await running.status(known) == 503)
      }
    }
  }

  @Test func `authorities that do not load change nothing`() async throws {
    try await FakeIssuer.with { issuer in
      let token = try await issuer.newToken(issuer.newKey("one"))
      let file = issuer.folder + "/ca.pem"
      try await Self.with(issuer, [Self.provider(issuer)]) { (running) async throws in
        #expect(try await running.status(token) == 200)
        let refused = #expect(throws: AccessFileError.self) { () throws in
          try running.apply([Self.provider(issuer, caFile: file)])
        }
        #expect(refused?.description.contains(file) == true)
        #expect(try await running.status(token) == 200)
      }
    }
  }

  @Test(.enabled(if: RunningBinary.isThere && Certificates.directory != nil), .timeLimit(.minutes(5)))
  func `a running gateway takes up a provider that is added to its file`() async throws {
    try await FakeIssuer.with(tls: Certificates.serverContext(["http/1.1"])) { issuer in
      let token = try await issuer.newToken(issuer.newKey("one"))
      let path = issuer.folder + "/access.toml"
      let base = """
        [auth]
        unix_peers = true

        [[rule]]
        name = "ci"
        who = ["oidc:*"]
        repos = ["**"]
        allow = ["read"]

        """
      try write(base, to: path)
      let options = ["serve", "--local", "--listen", "127.0.0.1:0", "--data-dir", issuer.folder + "/data"]
      try await RunningBinary.with(options + ["--access-file", path], in: issuer.folder) { binary in
        let port = try await binary.port()
        func status() async throws -> Int {
          let connection = try await HTTPConnection.open(port: port, on: binary.loop)
          let request = HTTPRequest(
            "GET", "/git/hello/info/refs?service=git-upload-pack",
            [
              ("Host", "127.0.0.1"), ("Authorization", "Bearer \(token)"),
            ])
          try await connection.send(request.bytes)
          let answer = try await connection.receive()
          await connection.close()
          return try #require(answer).status
        }
        #expect(try await status() != 200)
        let provider = """
          [[oidc]]
          issuer = "\(issuer.url)"
          audience = "gateway"
          ca_file = "\(Certificates.path("ca.pem"))"

          """
        try write(provider + base, to: path)
        await binary.send(SIGHUP)
        _ = try await binary.output.line(containing: "configuration reloaded")
        #expect(try await status() == 200)
      }
    }
  }
}

extension FakeIssuer {
  /// A good token.
  fileprivate func newToken(_ signer: TokenSigner) async throws -> String { try await signer.token(claims()) }
}
