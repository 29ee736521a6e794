import ArtifactsAPI
package import EventLoop
package import Gateway
import HTTPCore
import HTTPTransport
import Logging
import Synchronization

/// A gateway between a scripted upstream and a scripted API, all on loopback ports, for the length of a test.
package struct TestGateway: Sendable {
  package static let apiToken = "api-token-of-the-test"

  package let gateway: Gateway
  package let port: UInt16
  package let upstream: ScriptedServer
  package let upstreamPort: UInt16
  package let api: ScriptedAPI
  package let apiServer: ScriptedServer
  /// Where the peers and the client live; the gateway has a loop of its own.
  package let loop: Loop

  /// - Parameters:
  ///   - upstream: what the git side answers; without it, what a service in good health would.
  ///   - readsBodyFirst: the git side is asked for its answer once the body of a request is there.
  ///   - configure: changes the configuration before the start.
  package static func with<Result>(
    upstream script: @escaping ScriptedServer.Script = healthy, readsBodyFirst: Bool = false,
    api: ScriptedAPI = ScriptedAPI(), log: LogSink? = nil, configure: (inout GatewayConfiguration) -> Void = { _ in },
    _ body: (TestGateway) async throws -> Result
  ) async throws -> Result {
    try await TestSlots.light.with { try await run(script, readsBodyFirst, api, log, configure, body) }
  }

  private static func run<Result>(
    _ script: @escaping ScriptedServer.Script, _ readsBodyFirst: Bool, _ api: ScriptedAPI, _ log: LogSink?,
    _ configure: (inout GatewayConfiguration) -> Void, _ body: (TestGateway) async throws -> Result
  ) async throws -> Result {
    let group = try TestLoops.take()
    let peers = try TestLoops.take()
    let loop = peers.loops[0]
    let upstream = ScriptedServer(on: loop, readsBodyFirst: readsBodyFirst, script: script)
    let apiServer = ScriptedServer(on: loop, readsBodyFirst: true) { api.answer($0) }
    let upstreamPort = try await upstream.start()
    let apiPort = try await apiServer.start()
    api.set(remote: "http://127.0.0.1:\(upstreamPort)/git/default/{repo}.git")
    let gateway = try Gateway(
      configuration(apiPort: apiPort, configure), on: group, log: logger(log))
    guard let port = try await gateway.listen(on: .v4(0x7f00_0001, port: 0)).port else { throw TestFailure("no port") }
    gateway.ready()
    let test = TestGateway(
      gateway: gateway, port: port, upstream: upstream, upstreamPort: upstreamPort, api: api, apiServer: apiServer,
      loop: loop)
    func end() async throws {
      _ = await gateway.drain(timeout: .zero)
      await upstream.stop()
      await apiServer.stop()
      await upstream.waitForNoConnections()
      await apiServer.waitForNoConnections()
      // What was under way has lost its peers by now; nothing may be left open.
      let deadline = MonotonicClock.now + 20_000_000_000
      while group.loops[0].load.load(ordering: .relaxed) > 0 {
        guard MonotonicClock.now < deadline else {
          throw TestFailure("\(group.loops[0].load.load(ordering: .relaxed)) connections are left open")
        }
        _ = await gateway.drain(timeout: .zero)
      }
      TestLoops.give(group)
      TestLoops.give(peers)
    }
    let result: Result
    do { result = try await body(test) } catch {
      try? await end()
      throw error
    }
    try await end()
    return result
  }

  private static func configuration(apiPort: UInt16, _ configure: (inout GatewayConfiguration) -> Void) throws
    -> GatewayConfiguration
  {
    guard let base = OriginURL("http://127.0.0.1:\(apiPort)/client/v4") else { throw TestFailure("no URL") }
    var configuration = GatewayConfiguration(
      endpoint: APIEndpoint(base: base, accountID: "acct", token: { Secret(apiToken) }))
    configuration.allowedRemoteHosts = ["127.0.0.1"]
    configuration.allowsInsecureUpstream = true
    configure(&configuration)
    return configuration
  }

  /// A log at trace level into `sink`, or one that is silent.
  package static func logger(_ sink: LogSink?) -> GatewayLog {
    sink.map { GatewayLog($0, format: .json, threshold: LogThreshold(.trace)) } ?? .silent
  }

  /// Answers each request as a service in good health would.
  package static let healthy: ScriptedServer.Script = { request in
    GitOperation(request)?.answer ?? .response(404, text: "404 Not Found")
  }

  // MARK: Asking

  package func connect() async throws -> HTTPConnection { try await HTTPConnection.open(port: port, on: loop) }

  /// One request on a connection of its own. The answer may come before the request is out.
  package func ask(_ request: HTTPRequest) async throws -> HTTPAnswer {
    let connection = try await connect()
    let bytes = request.bytes
    let sending = Task(executorPreference: loop) { try await connection.send(bytes) }
    let answer: HTTPAnswer?
    do { answer = try await connection.receive(to: request.knownMethod) } catch {
      await connection.close()
      _ = try? await sending.value
      throw error
    }
    await connection.close()
    _ = try? await sending.value
    guard let answer else { throw TestFailure("no answer to \(request.method) \(request.target)") }
    try AdminContract.check(answer, to: request)
    return answer
  }

  package func ask(_ operation: GitOperation, _ repo: String = "demo", userAgent: String = GitOperation.git)
    async throws -> HTTPAnswer
  {
    try await ask(operation.request(repo, userAgent: userAgent))
  }
}
