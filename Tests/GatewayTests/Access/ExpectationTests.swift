import ArtifactsAPI
import EventLoop
import Gateway
import GatewayTestSupport
import Testing

/// Pushes that wait for leave to be sent, by those who may not push.
@Suite(.timeLimit(.minutes(3))) struct ExpectationTests {
  private func with(_ body: (TestGateway, Secret) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      let reader = TokenSecret.make()
      var access = try AccessConfiguration.knowing([("reader", reader)], in: folder)
      access.allow("token:reader", [.read], "**")
      try await TestGateway.with(configure: { [access] in $0.access = access }) { try await body($0, reader) }
    }
  }

  private static func push(_ authorization: String?, agent: String, framing: HTTPRequest.Framing) -> HTTPRequest {
    var request = GitOperation.push.request(userAgent: agent, body: GitOperation.push(bytes: 300_000))
    request.framing = framing
    request = request.with("Expect", "100-continue")
    return authorization.map { request.with("Authorization", $0) } ?? request
  }

  @Test(arguments: [GitOperation.git, GitOperation.curl], [false, true])
  func `nobody is let on who shows nothing, or something wrong`(agent: String, isChunked: Bool) async throws {
    try await with { test, reader in
      for shown in [nil, "Bearer \(reader.exposed)0", "Basic eDp5", "Digest x"] {
        let request = Self.push(shown, agent: agent, framing: isChunked ? .chunked(1_000) : .length)
        let head = try await Self.head(of: request, test)
        #expect(head.hasPrefix("HTTP/1.1 401 ") && head.lowercased().contains("www-authenticate: "), "\(head)")
        #expect(head.lowercased().contains("connection: close"), "\(head)")
      }
      #expect(await test.upstream.requests.isEmpty)
    }
  }

  @Test(arguments: [false, true]) func `somebody known who may not push is refused before he sends`(isChunked: Bool)
    async throws
  {
    try await with { test, reader in
      let request = Self.push(
        "Bearer \(reader.exposed)", agent: GitOperation.curl, framing: isChunked ? .chunked(1_000) : .length)
      let head = try await Self.head(of: request, test)
      #expect(head.hasPrefix("HTTP/1.1 403 ") && head.lowercased().contains("connection: close"), "\(head)")
      #expect(await test.upstream.requests.isEmpty)
    }
  }

  /// How git reads its answer stands at the beginning of the body, so that it has to be let on; no further than that.
  @Test(arguments: [false, true]) func `git is told in the form that it prints, and nothing goes upstream`(
    isChunked: Bool
  )
    async throws
  {
    try await with { test, reader in
      let request = Self.push(
        "Bearer \(reader.exposed)", agent: GitOperation.git, framing: isChunked ? .chunked(1_000) : .length)
      let answer = try await test.ask(request)
      #expect(answer.status == 200, "\(answer)")
      #expect(answer.text.contains("\u{3}artifacts-gateway: token:reader may not push to default/demo"), "\(answer)")
      #expect(await test.upstream.requests.isEmpty)
      #expect(await test.apiServer.requests.isEmpty)
    }
  }

  /// The first head that comes back, be it of an interim answer.
  private static func head(of request: HTTPRequest, _ test: TestGateway) async throws -> String {
    let (head, port) = (request.head, test.port)
    return try await onLoop { loop in
      let peer = try await Peer.connect(to: .v4(0x7f00_0001, port: port), on: loop)
      defer { peer.close() }
      try await peer.send(head)
      return try await peer.receiveHead()
    }
  }
}
