import EventLoop
import Gateway
import GatewayTestSupport
import HTTPCore
import HTTPTransport
import Testing

/// Hosts and pages that the gateway does not answer to.
@Suite(.timeLimit(.minutes(5))) struct HostTests {
  private static let foreign = ["evil.example", "evil.example:7080", "127.0.0.1.nip.io", "10.0.0.5:7080", ""]

  @Test(arguments: GitOperation.allCases)
  func `a wrong host is told so on git routes, in the client's own form`(operation: GitOperation) async throws {
    let api = ScriptedAPI()
    try await TestGateway.with(api: api) { test async throws in
      for host in Self.foreign {
        for agent in [GitOperation.git, GitOperation.curl] {
          let answer = try await test.ask(operation.request(userAgent: agent).with("Host", host))
          expectError(answer, 403, "host_not_allowed", to: operation, userAgent: agent)
          if operation == .fetchRefs { #expect(answer.text.contains("--allow-host")) }
        }
      }
      #expect(api.mints.isEmpty && api.lookUpCount == 0)
      #expect(await test.upstream.connectionCount == 0)
    }
  }

  @Test(arguments: [
    ("GET", "/livez"), ("GET", "/readyz?verbose"), ("GET", "/"), ("HEAD", "/"), ("GET", "/nothing"), ("OPTIONS", "/"),
    ("POST", "/-/quit"), ("POST", "/-/reload"), ("GET", "/metrics"),
  ])
  func `a wrong host is told so in plain text elsewhere`(method: String, path: String) async throws {
    try await TestGateway.with { test async throws in
      for host in Self.foreign {
        let answer = try await test.ask(HTTPRequest(method, path, [("Host", host)]))
        #expect(answer.status == 403)
        #expect(answer.field("x-artifacts-gateway-error") == "host_not_allowed")
        #expect(answer.field("content-type")?.hasPrefix("text/plain") == true)
        #expect(method == "HEAD" || answer.text.contains("--allow-host"))
      }
    }
  }

  @Test(arguments: [
    ("GET", "/repos"), ("PUT", "/repos/a"), ("GET", "/status"), ("DELETE", "/tokens/t"),
  ])
  func `a wrong host is a problem on the admin API`(method: String, path: String) async throws {
    try await TestGateway.with { test async throws in
      for host in Self.foreign {
        let answer = try await test.call(method, path, nil, [("Host", host)])
        #expect(answer.status == 403)
        #expect(answer.field("x-artifacts-gateway-error") == "host_not_allowed")
        #expect(answer.field("content-type") == "application/problem+json")
      }
      #expect(await test.apiServer.requests.isEmpty)
    }
  }

  @Test func `names that were given, and none but those, are answered to`() async throws {
    try await TestGateway.with(configure: { $0.allowedHosts = ["gateway.example"] }) { test async throws in
      for host in ["gateway.example", "Gateway.Example:80", "localhost:1", "127.0.0.1:\(test.port)", "[::1]:9"] {
        #expect(try await test.ask(GitOperation.fetchRefs.request().with("Host", host)).status == 200)
      }
      #expect(try await test.ask(GitOperation.fetchRefs.request().with("Host", "x.gateway.example")).status == 403)
    }
  }

  @Test func `a wildcard address is reached by any numeric one, as by a kubelet`() async throws {
    try await TestGateway.with { test async throws in
      _ = try await test.gateway.listen(on: .v4(0, port: 0))
      for host in ["10.244.1.7:7080", "[fd00::1]:7080"] {
        #expect(try await test.ask(HTTPRequest("GET", "/readyz", [("Host", host)])).status == 200)
      }
      #expect(try await test.ask(HTTPRequest("GET", "/readyz", [("Host", "evil.example")])).status == 403)
    }
  }

  @Test func `any host will do on a Unix socket`() async throws {
    try await withTemporaryFolder { folder in
      try await TestGateway.with { test async throws in
        let address = try await test.gateway.listen(on: .unix("\(folder)/http"))
        for host in ["localhost", "x", "artifacts:80"] {
          let answer = try await Task(executorPreference: test.loop) {
            let peer = try await Peer.connect(to: address, on: test.loop)
            defer { peer.close() }
            try await peer.send("GET /livez HTTP/1.1\r\nHost: \(host)\r\n\r\n")
            return try await peer.receiveMessage().body
          }.value
          #expect(answer == "ok\n")
        }
      }
    }
  }

  @Test func `a client of HTTP,1,0 need not say a host`() async throws {
    try await TestGateway.with { test async throws in
      let connection = try await test.connect()
      try await connection.send(Array("GET /livez HTTP/1.0\r\n\r\n".utf8))
      #expect(try await connection.receive()?.status == 200)
      await connection.close()
    }
  }

  // MARK: Pages of other sites

  private static let crossSite = [
    ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Site", "x"),
    ("Origin", "https://evil.example"), ("Origin", "null"), ("Origin", "http://localhost:8080"),
  ]

  @Test(arguments: [
    ("POST", "/-/quit"), ("POST", "/-/reload"), ("DELETE", "/api/v1/tokens/t"), ("POST", "/api/v1/repos"),
    ("POST", "/"),
    ("PUT", "/nothing"),
  ])
  func `a page of another site changes nothing anywhere`(method: String, path: String) async throws {
    try await TestGateway.with { test async throws in
      for field in Self.crossSite {
        let answer = try await test.ask(HTTPRequest(method, path, [field]))
        #expect(answer.status == 403, "\(field)")
        #expect(answer.field("x-artifacts-gateway-error") == "forbidden")
      }
      #expect(await test.apiServer.requests.isEmpty)
    }
  }

  @Test(arguments: [
    "/", "/livez", "/git/demo/info/refs?service=git-upload-pack", "/git/demo/git-receive-pack", "/api/v1/repos",
    "/api/v1/repos/a", "/-/quit", "/nothing", "*",
  ])
  func `a preflight gets 405 and no permission`(path: String) async throws {
    try await TestGateway.with { test async throws in
      let preflight = HTTPRequest(
        "OPTIONS", path,
        [
          ("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "cors"),
          ("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Private-Network", "true"),
        ])
      let answer = try await test.ask(preflight)
      #expect(answer.status == 405)
      #expect(answer.field("allow") != nil)
      #expect(!answer.fields.list.contains { $0.name.hasPrefix("access-control-") })
    }
  }

  @Test(arguments: GitOperation.allCases)
  func `no answer lets pages of other sites read it`(operation: GitOperation) async throws {
    let fields = [
      ("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Credentials", "true"), ("Timing-Allow-Origin", "*"),
      ("Service-Worker-Allowed", "/"),
    ]
    try await TestGateway.with(upstream: { _ in
      .response(200, [("Content-Type", operation.answerType)] + fields, operation.answerBody)
    }) { test async throws in
      let answer = try await test.ask(operation)
      #expect(answer.status == 200)
      for (name, _) in fields { #expect(answer.field(name.lowercased()) == nil, "\(name)") }
    }
  }

  @Test(arguments: [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "none"), ("Origin", "http://localhost")])
  func `a page of the gateway itself may ask`(name: String, value: String) async throws {
    try await TestGateway.with { test async throws in
      #expect(try await test.ask(GitOperation.fetchRefs.request().with(name, value)).status == 200)
    }
  }
}
