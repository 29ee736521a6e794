import ArtifactsAPI
import Gateway
import GatewayTestSupport
import HTTPTransport
import Testing

@Suite struct RemotePolicyTests {
  private static let standard = RemotePolicy(patterns: ["*.artifacts.cloudflare.net"], allowsInsecure: false)
  private static let local = RemotePolicy(
    patterns: ["127.0.0.1", "localhost", "::1", "git.test"], allowsInsecure: true)

  @Test(arguments: [
    "https://acct.artifacts.cloudflare.net/git/default/demo.git", "https://ACCT.Artifacts.Cloudflare.NET/git/x",
    "https://acct.artifacts.cloudflare.net:443/git/x.git/", "https://a.b.artifacts.cloudflare.net",
  ])
  func `a remote of the service is taken`(remote: String) throws {
    let url = try Self.standard.check(remote)
    #expect(url.origin.isSecure)
    #expect(!url.path.hasSuffix("/"))
  }

  @Test(arguments: [
    ("http://acct.artifacts.cloudflare.net/git/x", "not https"),
    ("https://user:secret@acct.artifacts.cloudflare.net/git/x", "plain https URL"),
    ("https://acct.artifacts.cloudflare.net@evil.example/git/x", "plain https URL"),
    ("https://evil.example/git/x", "not allowed"), ("https://artifacts.cloudflare.net/git/x", "not allowed"),
    ("https://evilartifacts.cloudflare.net/git/x", "not allowed"),
    ("https://acct.artifacts.cloudflare.net.evil.example/git/x", "not allowed"),
    ("https://acct.artifacts.cloudflare.net./git/x", "not allowed"),
    ("https://acct.artifacts.cloudflare.net:8443/git/x", "port 8443"),
    ("https://evil.example\\.artifacts.cloudflare.net/x", "plain https URL"),
    ("https://evil.example#.artifacts.cloudflare.net/x", "plain https URL"),
    ("https://evil.example?.artifacts.cloudflare.net/x", "plain https URL"),
    ("https://acct.artifacts.cloudflare.net/git/x?a=b", "plain https URL"),
    ("https://acct.artifacts.cloudflare.net/git x", "plain https URL"),
    ("https://acct.artifacts.cloudflare.net/\r\nX: y", "plain https URL"), ("https:///git/x", "plain https URL"),
    ("ssh://acct.artifacts.cloudflare.net/git/x", "plain https URL"), ("file:///etc/passwd", "plain https URL"),
    ("", "plain https URL"), ("/git/x", "plain https URL"), ("https://127.0.0.1/git/x", "not allowed"),
    ("https://acct.artifacts.cloudflare.net:0/x", "plain https URL"),
    ("https://acct.artifacts.cloudflare.net:443x/x", "plain https URL"),
  ])
  func `a remote that is not plainly the service's is refused`(remote: String, says: String) {
    let error = #expect(throws: ProxyError.self) { try Self.standard.check(remote) }
    #expect(error?.code == .remoteRefused)
    #expect(error?.status == 502)
    #expect(error?.text.contains(says) == true, "\(error?.text ?? "")")
    #expect(error?.text.contains("secret") == false)
  }

  @Test(arguments: [
    "http://127.0.0.1:7090/git/x", "http://localhost:1/x", "http://[::1]:7090/x", "https://git.test:8443/x",
  ])
  func `http is taken on loopback where that is allowed`(remote: String) throws {
    _ = try Self.local.check(remote)
  }

  @Test(arguments: ["http://git.test/x", "http://127.0.0.2/x", "http://10.0.0.1/x"])
  func `http is refused elsewhere`(remote: String) {
    _ = #expect(throws: ProxyError.self) { try Self.local.check(remote) }
  }

  @Test func `an origin that the operator wrote down needs no other permission`() throws {
    let origin = try Self.local.check("https://git.test:8443/x").origin
    let policy = RemotePolicy(patterns: [], allowsInsecure: false, trustedOrigins: [origin])
    _ = try policy.check("https://git.test:8443/any/repo")
    _ = #expect(throws: ProxyError.self) { try policy.check("https://git.test/any/repo") }
  }

  @Test(.timeLimit(.minutes(5))) func `no token is minted into the hands of a remote that is refused`() async throws {
    let api = ScriptedAPI()
    try await TestGateway.with(api: api) { test in
      api.set(remote: "http://user:pass@127.0.0.1:\(test.upstreamPort)/git/{repo}")
      let answer = try await test.ask(.fetchRefs)
      expectError(answer, 502, "remote_refused", to: .fetchRefs, userAgent: GitOperation.git)
      #expect(await test.upstream.connectionCount == 0)
    }
  }

  @Test(.timeLimit(.minutes(5))) func `a template spares the look-up`() async throws {
    let api = ScriptedAPI()
    // The port is the API's own here; what it answers to git does not matter.
    try await TestGateway.with(api: api) { configuration in
      let port = configuration.endpoint.base.origin.port
      configuration.remoteTemplate = "http://127.0.0.1:\(port)/{account}/{namespace}/{repo}.git"
    } _: { test in
      _ = try await test.ask(.fetchRefs, "team/demo")
      #expect(api.lookUpCount == 0)
      let targets = await test.apiServer.requests.map(\.target)
      #expect(targets.contains("/acct/team/demo.git/info/refs?service=git-upload-pack"))
    }
  }
}
