import EventLoop
import GatewayTestSupport
import HTTPCore
import HTTPTransport
import TLS
import Testing

/// A client and a server over TLS, with a certificate that is valid for 127.0.0.1.
@Suite(.timeLimit(.minutes(1)), .enabled(if: Certificates.directory != nil))
struct SecureTests {
  private func withPool(
    trusting: @escaping @Sendable () throws -> TLSClientContext = { try Certificates.clientContext() },
    _ body: @escaping @Sendable (UpstreamPool, Origin) async throws -> Void
  ) async throws {
    try await withServer(tls: Certificates.serverContext()) { running in
      let pool = UpstreamPool(on: running.loop, resolver: Resolver(), tls: try trusting())
      defer { pool.closeIdle() }
      try await body(pool, Origin(isSecure: true, host: "127.0.0.1", port: running.address.port ?? 0))
    }
  }

  @Test func `requests follow one another under TLS`() async throws {
    try await withPool { pool, origin in
      let client = HTTPClient(pool)
      for number in 0..<3 {
        let answer = try await client.send(.get, "/target?\(number)", to: origin, fields: Fields(), isReplayable: false)
        #expect(String(decoding: answer.body, as: UTF8.self) == "/target?\(number)")
        #expect(pool.idleCount == 1)
      }
      let body = [UInt8](repeating: 7, count: 500_000)
      let answer = try await client.send(
        .post, "/echo", to: origin, fields: Fields(), body: body, isReplayable: false)
      #expect(answer.body == body)
      let streamed = try await client.send(.get, "/stream", to: origin, fields: Fields(), isReplayable: false)
      #expect(String(decoding: streamed.body, as: UTF8.self) == "onetwothree")
    }
  }

  @Test func `a certificate that is not trusted is no connection`() async throws {
    try await withPool(trusting: { try TLSClientContext() }) { pool, origin in
      let error = await #expect(throws: TransportError.self) { try await pool.connection(to: origin).close() }
      guard case .tls = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(pool.idleCount == 0)
    }
  }

  @Test func `a server that does not speak TLS is no connection`() async throws {
    try await withServer { running in
      let pool = UpstreamPool(on: running.loop, resolver: Resolver(), tls: try Certificates.clientContext())
      let origin = Origin(isSecure: true, host: "127.0.0.1", port: running.address.port ?? 0)
      await #expect(throws: TransportError.self) { try await pool.connection(to: origin).close() }
    }
  }
}
