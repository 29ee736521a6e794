import GatewayTestSupport
import Testing

/// Responses of the upstream that could be read in two ways: 502 in the client's own form, and the connection is never used
/// again.
@Suite(.timeLimit(.minutes(5))) struct StrictResponseTests {
  /// Head lines behind the content type, and what follows the head.
  static let broken: [(lines: String, body: String)] = [
    ("Content-Length: 4\r\nContent-Length: 4\r\n", "0000"), ("Content-Length: 4, 4\r\n", "0000"),
    ("Content-Length: +4\r\n", "0000"), ("Content-Length: 0x4\r\n", "0000"),
    ("Content-Length: 9223372036854775808\r\n", "0000"),
    ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "4\r\n0000\r\n0\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "4\r\n0000\r\n0\r\n\r\n"),
    ("Transfer-Encoding: chunked, chunked\r\n", "4\r\n0000\r\n0\r\n\r\n"),
    ("Transfer-Encoding: gzip, chunked\r\n", "4\r\n0000\r\n0\r\n\r\n"), ("Transfer-Encoding: identity\r\n", "0000"),
    ("Content-Length: 4\r\nX: y\r\n z\r\n", "0000"), ("Content-Length: 4\r\nX : y\r\n", "0000"),
    ("Content-Length: 4\nX: y\r\n", "0000"), ("Content-Length: 4\r\nX: a\rY: b\r\n", "0000"),
    ("Content-Length: 4\r\nX: \0\r\n", "0000"), ("Connection: content-length\r\nContent-Length: 4\r\n", "0000"),
    ("Transfer-Encoding: chunked\r\n", "4\n0000\r\n0\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\n", "0x4\r\n0000\r\n0\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\n", "-4\r\n"), ("Transfer-Encoding: chunked\r\n", "\r\n"),
    ("Content-Length: 4\r\n", "0000HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("Content-Length: 4\r\n", "0000\r\n"),
    ("Transfer-Encoding: chunked\r\n", "4\r\n0000\r\n0\r\n\r\n0"), ("Content-Length: 0\r\n", "0000"),
  ]

  @Test(arguments: [GitOperation.fetchRefs, .fetch, .push, .pushRefs])
  func `a response that can be read in two ways is 502, and its connection is dropped`(operation: GitOperation)
    async throws
  {
    try await concurrently(Self.broken) { lines, body in
      let text = "HTTP/1.1 200 OK\r\nContent-Type: \(operation.answerType)\r\n\(lines)\r\n\(body)"
      try await TestGateway.with(upstream: { _ in .bytes(text) }) { test async throws in
        try await concurrently([GitOperation.git, GitOperation.curl]) { agent in
          let answer = try await test.ask(operation, userAgent: agent)
          expectError(answer, 502, "upstream_malformed", to: operation, userAgent: agent)
        }
        // One connection a request: none was taken up again.
        let requests = await test.upstream.requests.count
        #expect(await test.upstream.connectionCount == requests, "\(lines)\(body)")
      }
    }
  }

  @Test func `bytes that come behind a response are never taken for the next one`() async throws {
    let gate = Gate()
    let smuggled = "HTTP/1.1 200 OK\r\nContent-Type: text/evil\r\nContent-Length: 4\r\n\r\nevil"
    try await TestGateway.with(upstream: { request in
      let answer = GitOperation(request)?.answer ?? .response(404)
      guard request.target.contains("first") else { return answer }
      return ScriptedAnswer(answer.steps + [.wait(gate), .send(Array(smuggled.utf8))])
    }) { test async throws in
      #expect(try await test.ask(.fetchRefs, "first").status == 200)
      gate.open()
      let next = try await test.ask(.fetchRefs, "second")
      #expect(next.body == GitOperation.fetchRefs.answerBody)
    }
  }
}
