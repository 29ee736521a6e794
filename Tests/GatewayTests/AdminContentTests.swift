import GatewayTestSupport
import HTTPCore
import Testing

@Suite(.timeLimit(.minutes(5))) struct AdminContentTests {
  private static let hash = String(repeating: "a", count: 40)

  private static func answering(_ answer: ScriptedAnswer) -> ScriptedAPI {
    let api = ScriptedAPI()
    api.onOther { _ in answer }
    return api
  }

  @Test(arguments: ["/blobs/\(hash)", "/file?ref=main&path=a/b.txt", "/raw/main/a/b.txt", "/raw/feature%2Fx/ä%20b"])
  func `bytes come through as they are, and cannot act as a page`(path: String) async throws {
    let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
    let api = Self.answering(
      .response(200, [("Content-Type", "text/html"), ("ETag", "\"x\""), ("Set-Cookie", "a=b")], bytes))
    try await TestGateway.with(api: api) { test async throws in
      let path = path.replacing("ä", with: "%C3%A4")
      let answer = try await test.call("GET", "/repos/demo\(path)")
      #expect(answer.status == 200 && answer.isWhole)
      #expect(answer.body == bytes)
      #expect(answer.field("content-type") == "text/html" && answer.field("etag") == "\"x\"")
      #expect(answer.field("set-cookie") == nil)
      #expect(answer.field("content-security-policy")?.contains("sandbox") == true)
      #expect(answer.field("x-content-type-options") == "nosniff")
      let head = try await test.call("HEAD", "/repos/demo\(path)")
      #expect(head.status == 200 && head.body.isEmpty)
    }
  }

  @Test func `chunked bytes and none at all come through`() async throws {
    for (text, body) in [
      ("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "abc"), ("Content-Length: 0\r\n\r\n", ""),
    ] {
      try await TestGateway.with(api: Self.answering(.bytes("HTTP/1.1 200 OK\r\n\(text)"))) { test async throws in
        let answer = try await test.call("GET", "/repos/demo/blobs/\(Self.hash)")
        #expect(answer.status == 200 && answer.isWhole && answer.text == body)
      }
    }
  }

  @Test func `bytes that are cut upstream are cut downstream`() async throws {
    let answer = ScriptedAnswer.bytes("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", then: .close)
    try await TestGateway.with(api: Self.answering(answer)) { test async throws in
      let got = try await test.call("GET", "/repos/demo/blobs/\(Self.hash)")
      #expect(got.status == 200 && !got.isWhole && got.text == "abc")
    }
  }

  @Test func `what is not there is a problem`() async throws {
    try await TestGateway.with(api: Self.answering(ScriptedAPI.failure(404, 10200, "File not found"))) {
      test async throws in
      for path in ["/blobs/\(Self.hash)", "/file?ref=main&path=x", "/raw/main/x", "/commits/\(Self.hash)", "/log"] {
        try expectProblem(try await test.call("GET", "/repos/demo\(path)"), 404, code: 10200)
      }
    }
  }

  @Test func `commits and trees are flat`() async throws {
    let commit = #"{"hash":"\#(Self.hash)","tree_hash":"t","message":"m","authored_at":1}"#
    try await TestGateway.with(api: Self.answering(ScriptedAPI.success(commit))) { test async throws in
      let answer = try await test.call("GET", "/repos/demo/commits/\(Self.hash)")
      #expect(
        answer.text == #"{"authoredAt":1,"hash":"\#(Self.hash)","message":"m","parents":[],"treeHash":"t"}"# + "\n")
    }
    try await TestGateway.with(api: Self.answering(ScriptedAPI.success("[\(commit)]"))) { test async throws in
      #expect(try await test.call("GET", "/repos/demo/log?ref=main&limit=1").text.hasPrefix(#"{"commits":[{"#))
    }
    let entry = #"{"name":"a","mode":"100644","hash":"h","type":"blob"}"#
    try await TestGateway.with(api: Self.answering(ScriptedAPI.success("[\(entry)]"))) { test async throws in
      let answer = try await test.call("GET", "/repos/demo/trees/\(Self.hash)")
      #expect(answer.text == #"{"entries":[{"hash":"h","mode":"100644","name":"a","type":"blob"}]}"# + "\n")
    }
  }
}
