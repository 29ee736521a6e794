import EventLoop
import Gateway
import GatewayTestSupport
import TLS
import Testing

/// The real git through the gateway, with HTTP/2 on either side and on both.
@Suite(.enabled(if: Git.isThere && Certificates.directory != nil), .timeLimit(.minutes(5)))
struct HTTP2Tests {
  struct Sides: Sendable, CustomTestStringConvertible {
    let client: Bool
    let upstream: Bool
    var testDescription: String { "client \(client ? 2 : 1), upstream \(upstream ? 2 : 1)" }
  }

  static let sides = [(true, false), (false, true), (true, true)].map { Sides(client: $0.0, upstream: $0.1) }

  @Test(arguments: sides)
  func `clones and pushes are the same over HTTP-2`(sides: Sides) async throws {
    // A service that speaks nothing else proves that nothing else was spoken.
    let tls = sides.upstream ? try Certificates.serverContext(["h2"]) : nil
    try await EmulatorGateway.with(
      tls: tls,
      configure: {
        $0.caFile = Certificates.path("ca.pem")
        $0.upstreamHTTP = .http2
      }
    ) { test in
      try await test.createRepo("demo")
      let (git, url) = try await client(of: test, usesHTTP2: sides.client)
      try await git.workTree("work")
      try await git.commit(randomBytes(5 << 20), to: "big.bin", in: "work")
      try await git("-C", "work", "push", "-q", url, "main")
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<4 {
          group.addTask {
            try await git("clone", "-q", url, "copy\(number)")
            try await git.check("copy\(number)")
          }
        }
        try await group.waitForAll()
      }
      #expect(try await git.refs(in: "copy0", "refs/heads") == git.refs(of: url))
      // A push of a few bytes, and a fetch of them.
      try await git.commit(randomBytes(10), to: "small.bin", in: "copy1")
      try await git("-C", "copy1", "push", "-q", "origin", "main")
      try await git("-C", "copy2", "pull", "-q")
      #expect(try await git.refs(in: "copy2", "refs/heads") == git.refs(in: "copy1", "refs/heads"))
      var traced = git
      traced.variables["GIT_TRACE_CURL"] = "1"
      let trace = try await traced.attempt(["ls-remote", url]).text
      #expect(trace.contains("HTTP/2 200") == sides.client, "\(trace)")
    }
  }

  /// A git, and where it finds the repo `demo`.
  private func client(of test: EmulatorGateway, usesHTTP2: Bool) async throws -> (Git, String) {
    guard usesHTTP2 else { return (test.git, test.url("demo")) }
    let files = TLSServerFiles(certificate: Certificates.path("good.pem"), key: Certificates.path("good.key"))
    let address = try await test.gateway.listen(on: ListenerConfiguration(.v4(0x7f00_0001, port: 0), tls: files))
    var git = test.git
    git.variables["GIT_SSL_CAINFO"] = Certificates.path("ca.pem")
    git.variables["GIT_CONFIG_COUNT"] = "1"
    git.variables["GIT_CONFIG_KEY_0"] = "http.version"
    git.variables["GIT_CONFIG_VALUE_0"] = "HTTP/2"
    return (git, "https://127.0.0.1:\(address.port ?? 0)/git/demo")
  }

  @Test func `a push that is refused says why over HTTP-2, too`() async throws {
    try await EmulatorGateway.with(configure: { $0.isReadOnly = true }) { test in
      let (git, url) = try await client(of: test, usesHTTP2: true)
      try await git.workTree("work")
      let outcome = try await git.attempt(["-C", "work", "push", url, "main"])
      #expect(!outcome.isSuccess && outcome.text.contains("read-only"), "\(outcome.text)")
    }
  }
}
