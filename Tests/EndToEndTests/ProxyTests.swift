import ArtifactsAPI
import ArtifactsEmulator
import EventLoop
import Gateway
import GatewayTestSupport
import TLS
import Testing

@Suite(.enabled(if: Git.isThere && Certificates.directory != nil), .timeLimit(.minutes(5))) struct ProxyTests {
  private func withProxy(
    status: Int = 200, exceptions: String = "", credentials: String = "",
    _ body: (EmulatorGateway, TunnelProxy) async throws -> Void
  ) async throws {
    let group = try TestLoops.take()
    defer { TestLoops.give(group) }
    let proxy = TunnelProxy(on: group.loops[0], status: status)
    let url = Secret("http://\(credentials)127.0.0.1:\(try await proxy.start())")
    let settings = try #require(ProxySettings(url: url, exceptions: exceptions))
    try await EmulatorGateway.with(
      tls: Certificates.serverContext(),
      configure: {
        $0.caFile = Certificates.path("ca.pem")
        $0.proxy = settings
      }
    ) { test in try await body(test, proxy) }
    await proxy.stop()
  }

  @Test func `the API and git go through a tunnel of the proxy`() async throws {
    try await withProxy(credentials: "user:pass@") { test, proxy in
      let url = try await test.seeded()
      try await test.git("clone", "-q", url, "copy")
      try await test.git.check("copy")
      let target = test.emulator.baseURL.dropFirst("https://".count)
      let heads = await proxy.heads
      #expect(!heads.isEmpty)
      for head in heads {
        #expect(head.hasPrefix("CONNECT \(target) HTTP/1.1\r\nhost: \(target)\r\n"), "\(head)")
        #expect(head.contains("proxy-authorization: Basic dXNlcjpwYXNz\r\n"))
        // What is meant for the origin is not shown to the proxy.
        #expect(!head.contains("Bearer"))
      }
    }
  }

  @Test func `an exception goes directly`() async throws {
    try await withProxy(exceptions: "127.0.0.1") { test, proxy in
      try await test.git("clone", "-q", test.seeded(), "copy")
      #expect(await proxy.heads.isEmpty)
    }
  }

  @Test func `a proxy that refuses is named to git`() async throws {
    try await withProxy(status: 407) { test, proxy in
      let outcome = try await test.git.attempt(["ls-remote", test.url("demo")])
      #expect(!outcome.isSuccess)
      #expect(outcome.text.contains("the proxy answered 407 to CONNECT"), "\(outcome.text)")
    }
  }
}
