import ArtifactsAPI
import EventLoop
import GatewayTestSupport
import HTTPCore
import HTTPTransport
import TLS

/// A client of a scripted service, for the length of a test. Confined to its loop.
struct ScriptedClient {
  let client: ArtifactsClient
  let server: ScriptedServer

  static func with(
    token: String = "token", _ script: @escaping ScriptedServer.Script,
    _ body: @escaping @Sendable (ScriptedClient) async throws -> Void
  ) async throws {
    try await onLoop { loop in
      let server = ScriptedServer(on: loop, readsBodyFirst: true, script: script)
      let port = try await server.start()
      let pool = UpstreamPool(
        on: loop, resolver: Resolver(), tls: try TLSClientContext(caFile: nil, applicationProtocols: ["http/1.1"]))
      guard let base = OriginURL("http://127.0.0.1:\(port)/client/v4") else { throw TestFailure("no URL") }
      let endpoint = APIEndpoint(base: base, accountID: "acct", token: { Secret(token) })
      let result: Result<Void, any Error>
      do {
        result = .success(try await body(ScriptedClient(client: ArtifactsClient(pool, endpoint), server: server)))
      } catch {
        result = .failure(error)
      }
      pool.closeIdle()
      await server.stop()
      await server.waitForNoConnections()
      try result.get()
    }
  }
}
