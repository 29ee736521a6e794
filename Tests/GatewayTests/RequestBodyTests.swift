import GatewayTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct RequestBodyTests {
  /// `want` lines, compressed by `gzip -9`.
  static let compressed: [UInt8] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x33, 0x30, 0x30, 0x30, 0x00, 0x00, 0x8e, 0xd4, 0xca,
    0x8b, 0x04, 0x00, 0x00, 0x00,
  ]

  @Test func `a compressed body arrives byte for byte, and so does its coding`() async throws {
    try await TestGateway.with { test in
      let request = GitOperation.fetch.request(body: Self.compressed).with("Content-Encoding", "gzip")
      let answer = try await test.ask(request)
      #expect(answer.status == 200)
      let got = await test.upstream.requests.first
      #expect(got?.body == Self.compressed)
      #expect(got?.field("content-encoding") == "gzip")
    }
  }

  @Test(arguments: [1, 100, 65_535, 65_536, 65_537, 200_000, 1_048_577], [0, 1, 7_000, 65_536, 300_000])
  func `a push of any size and framing arrives byte for byte`(count: Int, chunk: Int) async throws {
    // Chunks of one byte only for what is small.
    if chunk == 1 && count > 1_000 { return }
    let body = GitOperation.push(bytes: max(count, GitOperation.pushHead().count))
    try await TestGateway.with { test in
      var request = GitOperation.push.request(body: body)
      if chunk > 0 { request.framing = .chunked(chunk) }
      let answer = try await test.ask(request)
      #expect(answer.body == GitOperation.push.answerBody)
      let got = await test.upstream.requests.first
      #expect(got?.isWhole == true)
      #expect(got?.body == body)
    }
  }

  @Test func `a POST without a length has no body`() async throws {
    try await TestGateway.with { test in
      let text =
        "POST /git/demo/git-upload-pack HTTP/1.1\r\nHost: localhost\r\nUser-Agent: git/2\r\n"
        + "Content-Type: application/x-git-upload-pack-request\r\n\r\n"
      let connection = try await test.connect()
      try await connection.send(Array(text.utf8))
      let answer = try #require(try await connection.receive())
      await connection.close()
      #expect(answer.status == 200)
      let got = await test.upstream.requests.first
      #expect(got?.isWhole == true && got?.body.isEmpty == true)
    }
  }

  @Test func `a client that waits for 100 gets it`() async throws {
    try await TestGateway.with { test in
      let request = GitOperation.push.request().with("Expect", "100-continue")
      let connection = try await test.connect()
      try await connection.send(request.head)
      // Passed over by the reader, but nothing is sent before it.
      async let answer = connection.receive()
      try await connection.send(request.body)
      let status = try await answer?.status
      #expect(status == 200)
      await connection.close()
      #expect(await test.upstream.requests.first?.field("expect") == nil)
    }
  }

  @Test(arguments: [true, false])
  func `a client that vanishes in the middle of a push ends the upstream request`(resetting: Bool) async throws {
    try await TestGateway.with { test in
      let body = GitOperation.push(bytes: 400_000)
      let request = GitOperation.push.request(body: body)
      let connection = try await test.connect()
      try await connection.send(request.head + body.prefix(200_000))
      await test.upstream.waitForRequests(1)
      await test.upstream.waitForBody(bytes: 150_000)
      await connection.close(resetting: resetting)
      await test.upstream.waitForEnd(ofRequest: 0)
      let got = await test.upstream.requests.first
      #expect(got?.isWhole == false)
      // And the gateway goes on.
      let next = try await test.ask(.fetchRefs)
      #expect(next.status == 200)
    }
  }

  @Test func `a chunked push that is cut does not look whole upstream`() async throws {
    try await TestGateway.with { test in
      var request = GitOperation.push.request(body: GitOperation.push(bytes: 300_000))
      request.framing = .chunked(100_000)
      let connection = try await test.connect()
      try await connection.send(Array(request.bytes.prefix(request.head.count + 250_000)))
      await test.upstream.waitForRequests(1)
      await connection.closeWriting()
      await test.upstream.waitForEnd(ofRequest: 0)
      #expect(await test.upstream.requests.first?.isWhole == false)
      await connection.close()
    }
  }

  static let early: [ScriptedAnswer] = [
    .response(
      200, [("Content-Type", GitOperation.push.answerType)],
      PktLines.band(1, PktLines.line("unpack no space") + PktLines.flush) + PktLines.flush,
      moment: .afterBody(bytes: 100_000)),
    .response(413, text: "too big", moment: .afterBody(bytes: 100_000)),
    ScriptedAnswer([.reset], moment: .afterBody(bytes: 100_000)),
  ]

  @Test(arguments: early.indices)
  func `an answer that comes while the push still flows reaches the client`(index: Int) async throws {
    try await TestGateway.with(upstream: { _ in Self.early[index] }) { test in
      let answer = try await test.ask(GitOperation.push.request(body: GitOperation.push(bytes: 3_000_000)))
      #expect(answer.status == 200)
      #expect(answer.isWhole)
      let said = ["unpack no space", "takes no push of this size (413): too big", "broke"][index]
      #expect(answer.text.contains(said), "\(answer)")
    }
  }

  @Test(arguments: early.indices)
  func `an early answer reaches a client that has stopped sending`(index: Int) async throws {
    try await TestGateway.with(upstream: { _ in Self.early[index] }) { test in
      let request = GitOperation.push.request(body: GitOperation.push(bytes: 3_000_000))
      let connection = try await test.connect()
      try await connection.send(Array(request.bytes.prefix(600_000)))
      let answer = try #require(try await connection.receive())
      #expect(answer.isWhole)
      let said = ["unpack no space", "takes no push of this size (413): too big", "broke"][index]
      #expect(answer.text.contains(said), "\(answer)")
      await connection.close()
    }
  }
}
