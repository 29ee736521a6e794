import EventLoop
import GatewayTestSupport
import HTTPCore
import Testing

/// Requests that two parties could read in two ways, against the running gateway: refused, the connection closed, and
/// nothing of them or of what follows them upstream.
@Suite(.timeLimit(.minutes(5))) struct StrictRequestTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let status: Int
    let bytes: [UInt8]
    var testDescription: String { "\(status): \(String(decoding: bytes.prefix(120), as: UTF8.self))" }

    init(_ status: Int, _ text: String) {
      self.status = status
      bytes = Array(text.utf8)
    }
  }

  private static let refs = "/git/demo/info/refs?service=git-upload-pack"
  private static let follower = "GET \(refs) HTTP/1.1\r\nHost: localhost\r\n\r\n"

  /// A fetch with these field lines, and a body that holds another request.
  private static func post(_ status: Int, _ lines: String, _ body: String = "0\r\n\r\n") -> Case {
    Case(
      status,
      "POST /git/demo/git-upload-pack HTTP/1.1\r\nHost: localhost\r\n"
        + "Content-Type: application/x-git-upload-pack-request\r\n\(lines)\r\n\r\n\(body)")
  }

  private static func get(_ status: Int, _ target: String, _ lines: String = "Host: localhost\r\n") -> Case {
    Case(status, "GET \(target) HTTP/1.1\r\n\(lines)\r\n")
  }

  private static let framing = [
    post(400, "Content-Length: 5\r\nTransfer-Encoding: chunked"),
    post(400, "Transfer-Encoding: chunked\r\nContent-Length: 0"),
    post(400, "Content-Length: 5\r\nContent-Length: 5"), post(400, "Content-Length: 5, 5"),
    post(400, "Content-Length: +5"), post(400, "Content-Length: -1"), post(400, "Content-Length: 0x5"),
    post(400, "Content-Length: 9223372036854775808"), post(400, "Content-Length: 5 " + "5"),
    post(400, "Transfer-Encoding: chunked, chunked"),
    post(400, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
    post(400, "Transfer-Encoding: chunked, identity"), post(400, "Transfer-Encoding: xchunked"),
    post(501, "Transfer-Encoding: gzip, chunked"), post(400, "Transfer-Encoding:\u{b}chunked"),
    post(400, "Transfer-Encoding : chunked"), post(400, "X: y\r\n Transfer-Encoding: chunked"),
    post(400, "X: y\nTransfer-Encoding: chunked"), post(400, "X: y\rTransfer-Encoding: chunked"),
    post(400, "X: \0"), post(400, "X\0: y"), post(400, "X(: y"), post(400, "\u{e4}: y"),
    post(400, "Connection: content-length\r\nContent-Length: 5"), post(400, "Connection: Transfer-Encoding"),
    post(400, "Connection: close, host"), post(417, "Expect: 200-ok\r\nContent-Length: 5"),
    Case(400, "POST /git/demo/git-upload-pack HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
  ]

  private static let chunks = [
    "x\r\n", "\r\n", "5\n0\r\n\r\n", "5\r0\r\n", "5 \r\n", "0x5\r\nhello", "-1\r\n", "+1\r\na", "8000000000000000\r\n",
    "1\r\nab\r\n", "1\r\na\n0\r\n\r\n", "5;\0\r\n", "5;a\n", "1;\(String(repeating: "x", count: 256))\r\na",
    "0\r\nGET / HTTP/1.1\r\n\r\n", "0\r\nA: b\n\r\n", "0\r\n A: b\r\n\r\n", "0\r\nA: \0\r\n\r\n", "0\r\n\n",
  ].map { post(400, "Transfer-Encoding: chunked", $0) }

  private static let targets = [
    get(400, "/git/demo/info/refs#x"), get(400, "/git/demo%00/info/refs?service=git-upload-pack"),
    get(400, "/git/../git/demo/info/refs?service=git-upload-pack"), get(400, "/./livez"), get(400, "/livez/.."),
    get(400, "/%2e%2E/livez"), get(400, "/git/.%2e/info/refs?service=git-upload-pack"), get(400, "/%2e/livez"),
    get(400, "/git/a%2fdemo/info/refs?service=git-upload-pack"), get(400, "/git/a%5cdemo"), get(400, "/git/a\\demo"),
    get(400, "/git/demo%zz"), get(400, "/git/demo%"), get(400, "/git/\u{e4}"), get(400, "/a%0d%0ab"), get(400, "/<x>"),
    get(400, "relative"), get(400, "*"), get(400, "http://other.test\(refs)"), get(400, "http://localhost:81\(refs)"),
    get(400, "ftp://localhost\(refs)"), get(400, "http://u@localhost\(refs)"), get(400, "/a b"),
    get(414, "/" + String(repeating: "x", count: 8_192)),
  ]

  private static let hosts = [
    get(400, refs, ""), get(400, refs, "Host: localhost\r\nHost: localhost\r\n"), get(400, refs, "Host: a,b\r\n"),
    get(400, refs, "Host: localhost/x\r\n"), get(400, refs, "Host: u@localhost\r\n"),
    get(400, refs, "Host: localhost:x\r\n"),
    get(400, refs, "Host: [::1\r\n"), get(400, refs, "Host : localhost\r\n"),
  ]

  private static let others = [
    get(400, refs, "Host: localhost\r\nContent-Length: 5\r\n"),
    get(400, refs, "Host: localhost\r\nTransfer-Encoding: chunked\r\n"),
    get(431, refs, "Host: localhost\r\nX: \(String(repeating: "x", count: 16_384))\r\n"),
    get(431, refs, "Host: localhost\r\n" + String(repeating: "X: y\r\n", count: 100)),
    Case(505, "GET \(refs) HTTP/2.0\r\nHost: localhost\r\n\r\n"), Case(505, "GET / HTTP/0.9\r\n\r\n"),
    Case(400, "GET \(refs) http/1.1\r\nHost: localhost\r\n\r\n"), Case(400, "GET \(refs)\r\n\r\n"),
    Case(501, "BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n"), Case(501, "get / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    Case(405, "CONNECT localhost:22 HTTP/1.1\r\nHost: localhost:22\r\n\r\n"),
    Case(405, "CONNECT / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    Case(405, "TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    Case(405, "TRACE /git/demo HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    Case(405, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    Case(405, "TRACE /git/demo/git-upload-pack HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    Case(405, "PUT /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    Case(415, "POST /git/demo/git-upload-pack HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n\r\n"),
    Case(
      415,
      "PUT /api/v1/repos/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}"),
    Case(
      413,
      "PUT /api/v1/repos/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        + "Content-Length: 1048577\r\n\r\n" + String(repeating: " ", count: 1_048_577)),
    Case(400, "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), Case(400, "\n"),
    Case(400, "\u{16}\u{3}\u{1}\u{2}\0\u{1}"), Case(400, "SSH-2.0-OpenSSH_9.2p1\r\n"),
  ]

  @Test(arguments: [framing, chunks, targets, hosts, others])
  func `what can be read in two ways is refused, and nothing goes upstream`(cases: [Case]) async throws {
    let api = ScriptedAPI()
    try await TestGateway.with(api: api) { test async throws in
      for example in cases {
        let connection = try await test.connect()
        let bytes = example.bytes + Array(Self.follower.utf8)
        let sending = Task(executorPreference: test.loop) { try? await connection.send(bytes) }
        let answer = try await connection.receive()
        #expect(answer?.status == example.status, "\(example.testDescription)")
        #expect(answer?.field("connection") == "close", "\(example.testDescription)")
        #expect(answer?.field("x-artifacts-gateway-error") != nil, "\(example.testDescription)")
        #expect(answer?.field("x-request-id") != nil, "\(example.testDescription)")
        #expect((answer?.field("allow") != nil) == (example.status == 405), "\(example.testDescription)")
        // What follows is not answered: it may be part of what was refused.
        let next = try? await connection.receive()
        #expect(next == nil, "\(example.testDescription)")
        await connection.close()
        await sending.value
      }
      #expect(await test.upstream.connectionCount == 0)
      #expect(await test.apiServer.requests.isEmpty)
      #expect(api.mints.isEmpty && api.lookUpCount == 0)
    }
  }

  @Test func `a good request is taken wherever it is split`() async throws {
    let fetch = String(decoding: GitOperation.fetch.body, as: UTF8.self)
    let half = fetch.utf8.count / 2
    let rest = fetch.utf8.count - half
    let text =
      "\r\nPOST http://LOCALHOST/git/demo/git-upload-pack HTTP/1.1\r\nhOST: localhost\r\nContent_Length: 1\r\n"
      + "Content-Type: application/x-git-upload-pack-request\r\nGit-Protocol: version=2\r\n"
      + "Transfer-Encoding: Chunked\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n"
      + "\(String(half, radix: 16));a=\"b\"\r\n\(fetch.prefix(half))\r\n"
      + "0\(String(rest, radix: 16).uppercased())\r\n\(fetch.dropFirst(half))\r\n0\r\nContent-Length: 9\r\nX-Trailer: 1\r\n\r\n"
    let bytes = Array(text.utf8)
    try await TestGateway.with { test async throws in
      for split in 0...bytes.count {
        let connection = try await test.connect()
        try await connection.send(Array(bytes[..<split]))
        await Task(executorPreference: test.loop) { await test.loop.yield() }.value
        try await connection.send(Array(bytes[split...]))
        let answer = try await connection.receive(to: .post)
        #expect(answer?.body == GitOperation.fetch.answerBody, "split at \(split): \(String(describing: answer))")
        await connection.close()
      }
      let requests = await test.upstream.requests
      #expect(requests.count == bytes.count + 1)
      for request in requests {
        #expect(request.isWhole && request.body == GitOperation.fetch.body)
        for name in ["x-hop", "x-trailer", "content_length", "connection", "transfer-encoding"] {
          #expect(request.field(name) == nil, "\(name)")
        }
      }
    }
  }

  @Test func `the fields of every Connection line stay here`() async throws {
    try await TestGateway.with { test async throws in
      let request = GitOperation.fetchRefs.request().with("Connection", "keep-alive").with("Connection", "X-One")
        .with("Connection", "x-two ,\tX-Three").with("X-One", "1").with("X-Two", "2").with("X-Three", "3")
      #expect(try await test.ask(request).status == 200)
      let got = await test.upstream.requests.first
      for name in ["x-one", "x-two", "x-three", "connection"] { #expect(got?.field(name) == nil, "\(name)") }
    }
  }

  @Test func `a chunk that breaks late in a push ends it, and the upstream sees it cut`() async throws {
    try await TestGateway.with { test async throws in
      var request = GitOperation.push.request(body: GitOperation.push(bytes: 300_000))
      request.framing = .chunked(300_000)
      let bytes = Array(request.bytes.dropLast(7)) + Array("x\r\n".utf8)
      let connection = try await test.connect()
      try await connection.send(bytes)
      let answer = try await connection.receive(to: .post)
      #expect(answer?.status == 400)
      #expect(answer?.field("connection") == "close")
      await connection.close()
      await test.upstream.waitForEnd(ofRequest: 0)
      #expect(await test.upstream.requests.first?.isWhole == false)
    }
  }
}
