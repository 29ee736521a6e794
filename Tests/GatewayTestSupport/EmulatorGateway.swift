import ArtifactsAPI
package import ArtifactsEmulator
package import EventLoop
package import Gateway
import HTTPTransport
package import TLS

/// A gateway in front of the embedded service, in process and on loopback, with a folder for git to work in.
package struct EmulatorGateway: Sendable {
  package static let apiToken = "api-token-of-the-emulator"

  package let folder: String
  package let git: Git
  package let emulator: ArtifactsEmulator
  package let gateway: Gateway
  package let port: UInt16
  package let loop: Loop
  private let settings: RuntimeSettings

  /// - Parameters:
  ///   - tls: what the service shows of itself; without it, it is reached in the clear.
  ///   - imports: where the service may import from.
  ///   - configure: changes the configuration before the start.
  package static func with<Result>(
    tls: TLSServerContext? = nil, log: LogSink? = nil, imports: ImportRule = ImportRule(),
    configure: (inout GatewayConfiguration) -> Void = { _ in }, _ body: (EmulatorGateway) async throws -> Result
  ) async throws -> Result {
    try await TestSlots.heavy.with {
      try await withTemporaryFolder { try await run(in: $0, tls, log, imports, configure, body) }
    }
  }

  private static func run<Result>(
    in folder: String, _ tls: TLSServerContext?, _ log: LogSink?, _ imports: ImportRule,
    _ configure: (inout GatewayConfiguration) -> Void, _ body: (EmulatorGateway) async throws -> Result
  ) async throws -> Result {
    let group = try TestLoops.take(2)
    let services = try TestLoops.take()
    let emulator = try ArtifactsEmulator(
      configuration: .init(
        dataDirectory: folder + "/data", apiToken: apiToken, imports: imports, logger: TestGateway.logger(nil).logger))
    try await emulator.start(on: services, listening: .v4(0x7f00_0001, port: 0), tls: tls)
    guard let base = OriginURL("\(emulator.baseURL)/client/v4") else { throw TestFailure("no URL") }
    var configuration = GatewayConfiguration(
      endpoint: APIEndpoint(base: base, accountID: "acct", token: { Secret(apiToken) }))
    configuration.allowedRemoteHosts = ["127.0.0.1"]
    configuration.allowsInsecureUpstream = true
    configure(&configuration)
    let gateway = try Gateway(configuration, on: group, log: TestGateway.logger(log))
    guard let port = try await gateway.listen(on: .v4(0x7f00_0001, port: 0)).port else {
      throw TestFailure("no port")
    }
    gateway.ready()
    let test = EmulatorGateway(
      folder: folder, git: Git(in: folder), emulator: emulator, gateway: gateway, port: port, loop: services.loops[0],
      settings: RuntimeSettings(configuration))
    func end() async {
      _ = await gateway.drain(timeout: .seconds(5))
      await emulator.shutdown(grace: .seconds(5))
      TestLoops.give(group)
      TestLoops.give(services)
    }
    do {
      let result = try await body(test)
      await end()
      return result
    } catch {
      await end()
      throw error
    }
  }

  /// Decides what comes from here on by other rules.
  package func set(_ access: AccessConfiguration) throws {
    var settings = settings
    settings.access = access
    try gateway.apply(settings)
  }

  /// Where git finds a repo through the gateway.
  package func url(_ repo: String) -> String { "http://127.0.0.1:\(port)/git/\(repo)" }

  /// Makes a repo and the work tree `work`, and pushes its one commit.
  @discardableResult
  package func seeded(_ repo: String = "demo") async throws -> String {
    try await createRepo(repo)
    try await git.workTree("work")
    try await git("-C", "work", "push", "-q", url(repo), "main")
    return url(repo)
  }

  package func createRepo(_ repo: String) async throws {
    let answer = try await ask(HTTPRequest("PUT", "/api/v1/repos/\(repo)"))
    guard answer.status == 201 else { throw TestFailure("\(answer)") }
  }

  /// One request to the gateway.
  package func ask(_ request: HTTPRequest) async throws -> HTTPAnswer { try await ask(request, port: port) }

  /// One call of the embedded service's REST, about the account of the gateway, past the gateway.
  /// - Parameter path: below the account's part of the API.
  package func askService(_ method: String, _ path: String, _ body: String? = nil) async throws -> HTTPAnswer {
    let type = body == nil ? [] : [("Content-Type", "application/json")]
    let request = HTTPRequest(
      method, "/client/v4/accounts/acct/artifacts\(path)", [("Authorization", "Bearer \(Self.apiToken)")] + type,
      body: Array((body ?? "").utf8))
    guard let port = emulator.address?.port else { throw TestFailure("not listening") }
    return try await ask(request, port: port)
  }

  private func ask(_ request: HTTPRequest, port: UInt16) async throws -> HTTPAnswer {
    let connection = try await HTTPConnection.open(port: port, on: loop)
    try await connection.send(request.bytes)
    let answer = try await connection.receive()
    await connection.close()
    guard let answer else { throw TestFailure("no answer") }
    try AdminContract.check(answer, to: request)
    return answer
  }

  /// Ends every token of a repo, as a revocation by another hand would.
  package func revokeTokens(of repo: String) async throws {
    let store = emulator.store
    for token in try await store.tokens(of: repo, in: "default") {
      try await store.revokeToken(token.id, in: "default")
    }
  }
}
