import ArtifactsAPI
import GatewayTestSupport
import HTTPTransport
import Testing

@testable import Gateway

@Suite struct ProxySettingsTests {
  private static let https = Origin(isSecure: true, host: "acct.artifacts.cloudflare.net", port: 443)

  @Test(arguments: [
    ("http://proxy.test:3128", "proxy.test:3128"), ("proxy.test:3128", "proxy.test:3128"),
    ("http://proxy.test", "proxy.test:80"), ("http://proxy.test:3128/", "proxy.test:3128"),
    ("http://user:secret@10.0.0.1:8080", "10.0.0.1:8080"), ("http://[::1]:3128", "::1:3128"),
  ])
  func `a proxy is where its URL says`(url: String, place: String) throws {
    let settings = try #require(ProxySettings(url: Secret(url), exceptions: ""))
    #expect("\(settings)" == place)
    #expect(settings.proxy(for: Self.https) != nil)
    #expect(settings.proxy(for: Origin(isSecure: false, host: "127.0.0.1", port: 7090)) == nil)
  }

  @Test(arguments: [
    "", "https://proxy.test", "socks5://proxy.test", "http://", "http://proxy.test/path", "http://a b:1",
  ])
  func `what is no proxy's URL is refused`(url: String) {
    #expect(ProxySettings(url: Secret(url), exceptions: "") == nil)
  }

  @Test(arguments: [
    ("http://user:pass@p.test", "Basic dXNlcjpwYXNz"), ("http://us%40er:p%3A@p.test", "Basic dXNAZXI6cDo="),
    ("http://user@p.test", "Basic dXNlcjo="),
  ])
  func `credentials of the URL are for the proxy`(url: String, authorization: String) throws {
    let proxy = try #require(ProxySettings(url: Secret(url), exceptions: "")?.proxy(for: Self.https))
    #expect(proxy.authorization?() == authorization)
  }

  @Test(arguments: [
    ("*", true), ("acct.artifacts.cloudflare.net", true), ("ARTIFACTS.cloudflare.net", true),
    (".cloudflare.net", true), ("*.cloudflare.net", true), ("x.test, cloudflare.net", true), ("net:443", true),
    ("cloudflare.net:8443", false), ("flare.net", false), ("acct", false), ("", false), (",, ,", false),
    ("127.0.0.1,localhost", false),
  ])
  func `NO_PROXY names hosts and all below them`(exceptions: String, isDirect: Bool) throws {
    let settings = try #require(ProxySettings(url: Secret("http://p.test"), exceptions: exceptions))
    #expect((settings.proxy(for: Self.https) == nil) == isDirect)
  }

  @Test(arguments: [("::1", true), ("[::1]", true), ("[::1]:443", true), ("[::1]:444", false)])
  func `an IPv6 address may be an exception`(exceptions: String, isDirect: Bool) throws {
    let settings = try #require(ProxySettings(url: Secret("http://p.test"), exceptions: exceptions))
    #expect((settings.proxy(for: Origin(isSecure: true, host: "::1", port: 443)) == nil) == isDirect)
  }
}

/// Names that lead into the operator's own network.
@Suite(.timeLimit(.minutes(5))) struct PrivateUpstreamTests {
  /// 127.0.0.1 as a number: a name as far as the list of hosts goes, and an address once it is resolved.
  private static let name = "2130706433"

  @Test(arguments: GitOperation.allCases)
  func `a remote whose name has a local address only is refused`(operation: GitOperation) async throws {
    let api = ScriptedAPI()
    try await TestGateway.with(api: api, configure: { $0.allowedRemoteHosts = [Self.name] }) { test in
      api.set(remote: "https://\(Self.name):\(test.upstreamPort)/git/default/{repo}.git")
      let answer = try await test.ask(operation)
      expectError(answer, 502, "remote_refused", to: operation, userAgent: GitOperation.git)
      if operation != .probe { #expect(answer.text.contains("--allow-private-upstream"), "\(answer.text)") }
      #expect(await test.upstream.connectionCount == 0)
    }
  }

  @Test func `it is tried when that is what the operator said`() async throws {
    let api = ScriptedAPI()
    try await TestGateway.with(
      api: api,
      configure: {
        $0.allowedRemoteHosts = [Self.name]
        $0.allowsPrivateUpstream = true
      }
    ) { test in
      api.set(remote: "https://\(Self.name):\(test.upstreamPort)/git/default/{repo}.git")
      // That it does not speak TLS is found out behind the connect.
      let answer = try await test.ask(.fetchRefs)
      expectError(answer, 502, "upstream_unreachable", to: .fetchRefs, userAgent: GitOperation.git)
      #expect(await test.upstream.connectionCount > 0)
    }
  }
}
