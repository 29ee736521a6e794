import EventLoop
import GatewayTestSupport
import HTTPCore
import Testing

@Suite(.timeLimit(.minutes(5))) struct AdminListTests {
  /// Repos `r0`, `r1` and so on, in pages whose cursors are positions.
  private static func shelf(of count: Int) -> ScriptedAPI {
    let api = ScriptedAPI()
    api.onOther { request in
      let limit = parameter("limit", of: request) ?? 50
      let start = parameter("cursor", of: request) ?? 0
      let end = min(count, start + limit)
      let repos = (start..<end).map { #"{"id":"i\#($0)","name":"r\#($0)"}"# }.joined(separator: ",")
      let info = end < count ? #"{"cursor":"\#(end)","per_page":\#(limit)}"# : #"{"page":1}"#
      return .json(200, #"{"result":[\#(repos)],"success":true,"errors":[],"result_info":\#(info)}"#)
    }
    return api
  }

  private static func parameter(_ name: String, of request: RecordedRequest) -> Int? {
    let pair = (request.head.query ?? "").split(separator: "&").first { $0.hasPrefix("\(name)=") }
    return pair.flatMap { Int($0.dropFirst(name.count + 1)) }
  }

  private static let lines = [("Accept", "application/x-ndjson")]

  @Test func `all repos come as lines, page after page`() async throws {
    try await TestGateway.with(api: Self.shelf(of: 450)) { test async throws in
      let answer = try await test.call("GET", "/repos?search=r", nil, Self.lines)
      #expect(answer.status == 200 && answer.isWhole)
      #expect(answer.field("content-type") == "application/x-ndjson")
      struct Line: Decodable {
        var name: String
        var clone_url: String
      }
      let names = try answer.text.split(separator: "\n").map {
        try HTTPAnswer.decoded(Array($0.utf8), Line.self).name
      }
      #expect(names == (0..<450).map { "r\($0)" })
      let targets = await test.apiServer.requests.map(\.target)
      #expect(targets.count == 3 && targets.allSatisfy { $0.contains("search=r") && $0.contains("limit=200") })
    }
  }

  @Test func `one page is one object with the way on`() async throws {
    try await TestGateway.with(api: Self.shelf(of: 3)) { test async throws in
      let first = try await test.call("GET", "/repos?limit=2")
      #expect(first.text.contains(#""next_cursor":"2""#))
      let last = try await test.call("GET", "/repos?limit=2&cursor=2")
      #expect(last.text.contains(#""next_cursor":null"#))
      #expect(last.text.contains(#""name":"r2""#))
    }
  }

  @Test func `a cursor that comes again ends the stream`() async throws {
    let api = ScriptedAPI()
    api.onOther { _ in
      .json(200, #"{"result":[{"id":"i","name":"r"}],"success":true,"result_info":{"cursor":"same"}}"#)
    }
    try await TestGateway.with(api: api) { test async throws in
      let answer = try await test.call("GET", "/repos", nil, Self.lines)
      #expect(answer.isWhole)
      #expect(answer.text.split(separator: "\n").count == 2)
    }
  }

  @Test func `a stream that fails on the way is cut, one that fails at once is a problem`() async throws {
    let api = ScriptedAPI()
    api.onOther { request in
      request.target.contains("cursor=")
        ? ScriptedAPI.failure(400, 10100, "no such cursor")
        : .json(200, #"{"result":[{"id":"i","name":"r"}],"success":true,"result_info":{"cursor":"next"}}"#)
    }
    try await TestGateway.with(api: api) { test async throws in
      let cut = try await test.call("GET", "/repos", nil, Self.lines)
      #expect(cut.status == 200 && !cut.isWhole)
      try expectProblem(try await test.call("GET", "/repos?cursor=x", nil, Self.lines), 400, code: 10100)
    }
  }

  @Test func `no repos are no lines`() async throws {
    try await TestGateway.with(api: Self.shelf(of: 0)) { test async throws in
      let answer = try await test.call("GET", "/namespaces/nobody/repos", nil, Self.lines)
      #expect(answer.status == 200 && answer.isWhole && answer.body.isEmpty)
      #expect(try await test.call("GET", "/repos").text == #"{"next_cursor":null,"repos":[]}"# + "\n")
    }
  }
}
