import EventLoop
import Gateway
import GatewayTestSupport
import HTTPTransport

/// A gateway with a pack cache in a folder of its own, in front of a scripted git service.
struct SharingGateway: Sendable {
  let test: TestGateway
  let service: PackUpstream
  let folder: String

  static func with<Result>(
    _ service: PackUpstream = PackUpstream(), api: ScriptedAPI = ScriptedAPI(), log: LogSink? = nil,
    configure: (inout GatewayConfiguration) -> Void = { _ in }, _ body: (SharingGateway) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryFolder { folder in
      try await TestGateway.with(
        upstream: service.script, readsBodyFirst: true, api: api, log: log,
        configure: {
          $0.cacheDirectory = folder + "/packs"
          configure(&$0)
        }
      ) { try await body(SharingGateway(test: $0, service: service, folder: folder)) }
    }
  }

  func ask(_ request: HTTPRequest) async throws -> HTTPAnswer { try await test.ask(request) }

  /// Asks for refs once, so that the repo has been looked up and has a token.
  func warmUp(_ repo: String = "demo") async throws {
    _ = try await ask(GitOperation.lsRefs(["ref-prefix refs/nothing/"], of: repo))
  }

  /// Sends a request on a connection of its own and leaves the answer where it is.
  func begin(_ request: HTTPRequest) async throws -> HTTPConnection {
    let connection = try await test.connect()
    try await connection.send(request.bytes)
    return connection
  }

  /// When this returns the gateway has got all that was sent to it before.
  func settle() async throws {
    for _ in 0..<5 { _ = try await ask(HTTPRequest("GET", "/livez")) }
  }

  /// Figures of `GET /api/v1/cache`.
  func figures() async throws -> CacheFigures { try CacheFigures(await ask(HTTPRequest("GET", "/api/v1/cache"))) }

  /// Asks for the figures until they are as wanted, and gives the last ones.
  func figures(until isWanted: (CacheFigures) -> Bool) async throws -> CacheFigures {
    let deadline = MonotonicClock.now + 20_000_000_000
    while true {
      let figures = try await figures()
      if isWanted(figures) || MonotonicClock.now > deadline { return figures }
    }
  }

  /// Fetches until the answer is stored.
  func store(_ request: HTTPRequest) async throws {
    let before = try await figures().entries
    _ = try await ask(request)
    _ = try await ask(request)
    guard try await figures(until: { $0.entries > before }).entries > before else { throw TestFailure("not stored") }
  }
}

/// The answer of `GET /api/v1/cache`.
struct CacheFigures {
  private let tree: JSONTree

  init(_ answer: HTTPAnswer) throws { tree = try JSONTree(parsing: answer.body) }

  var isEnabled: Bool { tree["enabled"] == .bool(true) }
  var entries: Int { self["entries"] }
  var flights: Int { self["flights"] }

  subscript(name: String) -> Int { tree[name].number ?? -1 }
}
