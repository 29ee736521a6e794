import ArtifactsAPI
import EventLoop
import Gateway
import GatewayTestSupport
import HTTPTransport
import Testing

/// `/-/quit` and `/-/reload`, and what may change while the gateway runs.
@Suite(.timeLimit(.minutes(5))) struct GatewayControlTests {
  private let quits = Counter()
  private let reloads = Counter()

  private static let settings = RuntimeSettings(
    GatewayConfiguration(endpoint: APIEndpoint(base: .loopback(port: 1), accountID: "", token: { nil })))

  private func actions(_ outcome: ReloadOutcome = .reloaded(changed: [], needingRestart: [])) -> ControlActions {
    ControlActions(
      quit: { [quits] in quits.next() },
      reload: { [reloads] in
        reloads.next()
        return outcome
      })
  }

  @Test func `a POST does it, and says so`() async throws {
    try await TestGateway.with(configure: { $0.controls = actions() }) { test in
      let reload = try await test.ask(HTTPRequest("POST", "/-/reload"))
      #expect((reload.status, reload.text) == (200, "reloaded, nothing changed\n"))
      let quit = try await test.ask(HTTPRequest("POST", "/-/quit"))
      #expect((quit.status, quit.text) == (202, "leaving\n"))
      #expect((quits.value, reloads.value) == (1, 1))
    }
  }

  @Test(arguments: [
    (ReloadOutcome.reloaded(changed: ["a", "b"], needingRestart: []), 200, "reloaded: a, b\n"),
    (.reloaded(changed: [], needingRestart: ["c"]), 200, "reloaded, nothing changed\nneeds a restart: c\n"),
    (.failed("c.toml:3: a\u{1b}b"), 500, "artifacts-gateway: the configuration is as before: c.toml:3: a"),
  ])
  func `what came of a reload is told`(outcome: ReloadOutcome, status: Int, text: String) async throws {
    try await TestGateway.with(configure: { $0.controls = actions(outcome) }) { test in
      let answer = try await test.ask(HTTPRequest("POST", "/-/reload"))
      #expect(answer.status == status && answer.text.hasPrefix(text), "\(answer)")
      #expect(!answer.text.contains("\u{1b}"))
    }
  }

  @Test(arguments: ["/-/quit", "/-/reload"])
  func `other methods and pages of other sites are refused, and do nothing`(path: String) async throws {
    try await TestGateway.with(configure: { $0.controls = actions() }) { test in
      for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
        let answer = try await test.ask(HTTPRequest(method, path))
        #expect((answer.status, answer.field("allow")) == (405, "POST"), "\(method)")
      }
      for field in [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://elsewhere.test"), ("Host", "rebound.test")] {
        let answer = try await test.ask(HTTPRequest("POST", path, [field]))
        #expect(answer.status == 403, "\(field)")
      }
      #expect((quits.value, reloads.value) == (0, 0))
    }
  }

  @Test func `beyond this machine it takes an address for administrators`() async throws {
    try await TestGateway.with(configure: { $0.controls = actions() }) { test in
      func ask(_ listener: ListenerConfiguration) async throws -> HTTPAnswer? {
        let port = try #require(try await test.gateway.listen(on: listener).port)
        let connection = try await HTTPConnection.open(port: port, on: test.loop)
        try await connection.send(HTTPRequest("POST", "/-/quit").bytes)
        let answer = try await connection.receive()
        await connection.close()
        return answer
      }
      let refused = try #require(try await ask(ListenerConfiguration(.v4(0, port: 0))))
      #expect(refused.status == 403 && refused.field("x-artifacts-gateway-error") == "forbidden")
      #expect(quits.value == 0)
      #expect(try await ask(ListenerConfiguration(.v4(0, port: 0), isAdmin: true))?.status == 202)
      #expect(quits.value == 1)
    }
  }

  @Test func `without actions there is nothing to control, and no other name does anything`() async throws {
    try await TestGateway.with { test in
      for path in ["/-/quit", "/-/reload", "/-/", "/-/healthy", "/-/quit/"] {
        let answer = try await test.ask(HTTPRequest("POST", path))
        #expect(answer.status == 404, "\(path)")
      }
    }
  }

  @Test func `read-only, hosts and limits change at once, for connections that are open as well`() async throws {
    try await TestGateway.with { test in
      var settings = Self.settings
      let connection = try await test.connect()
      func status(_ request: HTTPRequest) async throws -> Int? {
        try await connection.send(request.bytes)
        return try await connection.receive()?.status
      }
      let other = HTTPRequest("GET", "/livez", [("Host", "other.test")])
      #expect(try await status(other) == 403)
      settings.allowedHosts = ["other.test"]
      try test.gateway.apply(settings)
      #expect(try await status(other) == 200)
      #expect(try await test.ask(.push).status == 200)
      settings.allowedHosts = []
      settings.isReadOnly = true
      try test.gateway.apply(settings)
      #expect(try await status(other) == 403)
      #expect(try await status(HTTPRequest("GET", "/git/demo/info/refs?service=git-receive-pack")) == 403)
      await connection.close()
    }
  }

  @Test func `fewer transfers at once are admitted, and more again`() async throws {
    let gate = Gate()
    try await TestGateway.with(
      upstream: { _ in ScriptedAnswer([.wait(gate)] + GitOperation.fetch.answer.steps) },
      configure: { $0.transferPatience = .seconds(60) }
    ) { test in
      var settings = Self.settings
      async let first = test.ask(.fetch)
      await test.upstream.waitForRequests(1)
      settings.maxTransfers = 1
      try test.gateway.apply(settings)
      async let second = test.ask(.fetch)
      // The second one waits for its turn, which a higher limit gives it; the first goes on as it was.
      let watcher = try await test.connect()
      try await watcher.send(HTTPRequest("GET", "/livez").bytes)
      #expect(try await watcher.receive()?.status == 200)
      await watcher.close()
      settings.maxTransfers = 2
      try test.gateway.apply(settings)
      await test.upstream.waitForRequests(2)
      gate.open()
      let statuses = try await [first.status, second.status]
      #expect(statuses == [200, 200])
    }
  }

  @Test func `a meter tells of idleness only when nothing is in flight`() async throws {
    let gate = Gate()
    let meter = ActivityMeter()
    try await TestGateway.with(
      upstream: { _ in ScriptedAnswer([.wait(gate)] + GitOperation.fetch.answer.steps) },
      configure: { $0.activity = meter }
    ) { test in
      async let fetch = test.ask(.fetch)
      await test.upstream.waitForRequests(1)
      let ends = Counter()
      let watch = Task {
        try await meter.waitUntilIdle(for: 1)
        ends.next()
      }
      // Probes do not count, and the time that passes by them does not while a transfer runs.
      let end = MonotonicClock.now + 1_500_000_000
      while MonotonicClock.now < end {
        let live = try await test.ask(HTTPRequest("GET", "/livez"))
        #expect(live.status == 200)
      }
      #expect(ends.value == 0)
      gate.open()
      let answer = try await fetch
      #expect(answer.status == 200)
      try await watch.value
    }
  }
}
