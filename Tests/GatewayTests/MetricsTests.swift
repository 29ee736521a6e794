import EventLoop
import FoundationEssentials
import GatewayTestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(5))) struct MetricsTests {
  @Test func `every family is exposed from the beginning, if its labels are a closed set`() async throws {
    try await TestGateway.with { test in
      let answer = try await test.ask(HTTPRequest("GET", "/metrics"))
      #expect(answer.status == 200)
      #expect(answer.field("content-type") == "text/plain; version=0.0.4; charset=utf-8")
      for family in MetricNames.families where !family.labels.contains("code") {
        #expect(
          answer.text.contains("\n# TYPE \(family.name) \(family.kind.rawValue)\n") || family.name.hasSuffix("info"))
      }
      let samples = MetricSamples(answer.text)
      for name in [
        "token_mints_total{scope=\"write\",result=\"ok\"}", "cache_requests_total{outcome=\"joined\"}",
        "ref_flights_total{result=\"led\"}", "rejected_requests_total{reason=\"busy\"}", "draining", "cache_bytes",
        "upstream_connections{state=\"idle\"}", "http_requests_in_flight",
        "http_request_duration_seconds_count{service=\"receive-pack\"}",
        "transfer_bytes_total{service=\"ops\",direction=\"in\"}",
      ] { #expect(samples[name] == 0, "\(name)") }
      #expect(samples["build_info{version=\"\(GatewayVersion.number)\"}"] == 1)
    }
  }

  @Test func `the table of the documentation names every metric, with its type and labels`() throws {
    let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
    let text = try String(contentsOfFile: "\(root)/README.md", encoding: .utf8)
    let rows = Set(text.split(separator: "\n"))
    for family in MetricNames.families {
      let isOwn = family.name.hasPrefix(MetricNames.prefix)
      let name = isOwn ? family.name.dropFirst(MetricNames.prefix.count) : family.name[...]
      let labels = family.labels.map { "`\($0)`" }.joined(separator: ", ")
      let start = "| `\(name)` | \(family.kind.rawValue) |" + (isOwn ? " \(labels)\(labels.isEmpty ? "" : " ")|" : "")
      #expect(rows.contains { $0.hasPrefix(start) }, "\(start)")
    }
    let named = rows.count {
      $0.hasPrefix("| `")
        && ($0.contains("` | counter |") || $0.contains("` | gauge |") || $0.contains("` | histogram |"))
    }
    #expect(named == MetricNames.families.count)
  }

  @Test func `the figures of the process are those of the kernel`() async throws {
    try await TestGateway.with { test in
      let samples = try await test.metrics()
      let resident = try #require(samples["process_resident_memory_bytes"])
      let virtual = try #require(samples["process_virtual_memory_bytes"])
      #expect(resident > 1_000_000 && resident < virtual)
      let open = try #require(samples["process_open_fds"])
      let most = try #require(samples["process_max_fds"])
      #expect(open > 3 && open <= most)
      let used = try #require(samples["process_cpu_seconds_total"])
      #expect(used > 0)
      // Started after this test was written, and not in the future.
      let start = try #require(samples["process_start_time_seconds"])
      #expect(start > 1_700_000_000 && start <= WallClock.now + 1)
    }
  }

  /// What a request does, and by how much the counters grow for it.
  struct Row: CustomTestStringConvertible {
    let name: String
    let request: HTTPRequest
    let growth: [String: Double]
    /// Connections made; calls of the API that are made at once may share one.
    var connects: ClosedRange<Double> = 0...0
    var upstream: ScriptedServer.Script = TestGateway.healthy
    var testDescription: String { name }
  }

  static let rows: [Row] = [
    Row(
      name: "an advertisement for a fetch", request: GitOperation.fetchRefs.request(),
      growth: [
        "http_requests_total{service=\"refs\",code=\"200\"}": 1,
        "upstream_requests_total{target=\"git\",code=\"200\"}": 1,
        "upstream_requests_total{target=\"api\",code=\"200\"}": 1,
        "upstream_requests_total{target=\"api\",code=\"201\"}": 1,
        "token_mints_total{scope=\"read\",result=\"ok\"}": 1,
      ], connects: 2...3),
    Row(
      name: "a push", request: GitOperation.push.request(),
      growth: [
        "http_requests_total{service=\"receive-pack\",code=\"200\"}": 1,
        "upstream_requests_total{target=\"git\",code=\"200\"}": 1,
        "upstream_requests_total{target=\"api\",code=\"200\"}": 1,
        "upstream_requests_total{target=\"api\",code=\"201\"}": 1,
        "token_mints_total{scope=\"write\",result=\"ok\"}": 1,
      ], connects: 2...2),
    Row(
      name: "a token that is refused for good", request: GitOperation.pushRefs.request(),
      growth: [
        "http_requests_total{service=\"refs\",code=\"403\"}": 1,
        "upstream_requests_total{target=\"git\",code=\"403\"}": 2,
        "upstream_requests_total{target=\"api\",code=\"200\"}": 2,
        "upstream_requests_total{target=\"api\",code=\"201\"}": 2,
        "token_mints_total{scope=\"write\",result=\"ok\"}": 2, "upstream_retries_total{reason=\"token\"}": 1,
      ], connects: 2...2, upstream: { _ in .response(403, text: "Invalid or expired token") }),
    Row(
      name: "a path that is none", request: HTTPRequest("GET", "/nope"),
      growth: [
        "http_requests_total{service=\"ops\",code=\"404\"}": 1, "rejected_requests_total{reason=\"not_found\"}": 1,
      ]),
    Row(
      name: "a wrong method", request: HTTPRequest("DELETE", "/"),
      growth: [
        "http_requests_total{service=\"ops\",code=\"405\"}": 1,
        "rejected_requests_total{reason=\"method_not_allowed\"}": 1,
      ]),
    Row(
      name: "another host", request: HTTPRequest("GET", "/livez", [("Host", "evil.example")]),
      growth: [
        "http_requests_total{service=\"ops\",code=\"403\"}": 1,
        "rejected_requests_total{reason=\"host_not_allowed\"}": 1,
      ]),
    Row(
      name: "a page of another site",
      request: HTTPRequest("PUT", "/api/v1/repos/x", [("Sec-Fetch-Site", "cross-site")]),
      growth: [
        "http_requests_total{service=\"api\",code=\"403\"}": 1, "rejected_requests_total{reason=\"forbidden\"}": 1,
      ]),
    Row(
      name: "a request that cannot be read", request: HTTPRequest("GET", "/x\u{7f}"),
      growth: [
        "http_requests_total{service=\"ops\",code=\"400\"}": 1, "rejected_requests_total{reason=\"malformed\"}": 1,
      ]),
    Row(
      name: "a call of the API that asks nobody", request: HTTPRequest("GET", "/api/v1/status"),
      growth: ["http_requests_total{service=\"api\",code=\"200\"}": 1]),
    Row(name: "a look at the health", request: HTTPRequest("GET", "/readyz?verbose"), growth: [:]),
    Row(name: "the metrics themselves", request: HTTPRequest("GET", "/metrics"), growth: [:]),
  ]

  @Test(arguments: rows) func `a request moves its counters, and no others`(_ row: Row) async throws {
    try await TestGateway.with(upstream: row.upstream) { test in
      let before = try await test.metrics()
      let answer = try await test.ask(row.request)
      let after = try await test.metrics()
      var growth = after.growth(since: before)
      let connects = growth.removeValue(forKey: "upstream_connects_total{result=\"ok\"}") ?? 0
      #expect(growth == row.growth)
      #expect(row.connects.contains(connects))
      #expect(after["http_requests_in_flight"] == 0)
      let out = ["upload-pack", "receive-pack", "refs", "api", "ops"].reduce(0.0) {
        $0 + (after["transfer_bytes_total{service=\"\($1)\",direction=\"out\"}"] ?? 0)
      }
      #expect(row.growth.isEmpty ? out == 0 : out >= Double(answer.body.count) || answer.status == 400)
    }
  }

  @Test func `a transfer is in flight until it ends, and its bytes are counted both ways`() async throws {
    let gate = Gate()
    let held: ScriptedServer.Script = { _ in ScriptedAnswer([.wait(gate)] + GitOperation.push.answer.steps) }
    try await TestGateway.with(upstream: held) { test in
      let body = GitOperation.push(bytes: 300_000)
      async let push = test.ask(GitOperation.push.request(body: body))
      await test.upstream.waitForRequests(1)
      let during = try await test.metrics()
      #expect(during["http_requests_in_flight"] == 1)
      #expect(during["upstream_connections{state=\"active\"}"] == 1)
      gate.open()
      let answer = try await push
      let after = try await test.metrics()
      #expect(after["http_requests_in_flight"] == 0)
      #expect(after["transfer_bytes_total{service=\"receive-pack\",direction=\"in\"}"] == Double(body.count))
      let out = try #require(after["transfer_bytes_total{service=\"receive-pack\",direction=\"out\"}"])
      #expect(out > Double(answer.body.count) && out < Double(answer.body.count + 1_000))
      #expect(after["http_request_duration_seconds_count{service=\"receive-pack\"}"] == 1)
      #expect(after["http_time_to_first_byte_seconds_count{service=\"receive-pack\"}"] == 1)
    }
  }

  @Test func `with an admin address, metrics are there and not where git is`() async throws {
    try await TestGateway.with(configure: { $0.hasAdminListener = true }) { test in
      let admin = try await test.gateway.listen(
        on: ListenerConfiguration(.v4(0x7f00_0001, port: 0), isAdmin: true))
      #expect(try await test.ask(HTTPRequest("GET", "/metrics")).status == 404)
      let connection = try await HTTPConnection.open(port: try #require(admin.port), on: test.loop)
      try await connection.send(HTTPRequest("GET", "/metrics").bytes)
      #expect(try await connection.receive()?.status == 200)
      await connection.close()
    }
  }
}
