import EventLoop
import GatewayTestSupport
import TLS
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ResumptionTests {
  /// One connection with an exchange, so that tickets are read. Whether it was resumed.
  private func connect(
    _ client: TLSClientContext, _ server: TLSServerContext, name: String = Certificates.serverName
  ) async throws -> Bool {
    try await Connection.open { connection in
      try await connection.start(client, server, name: name)
      #expect(try await connection.handshake().client == nil)
      try await connection.server.send([1])
      _ = try await connection.client.receive(1)
      let resumed = await connection.client.wasResumed
      #expect(await connection.server.wasResumed == resumed)
      return resumed
    }
  }

  @Test func `the second connection to a server is resumed`() async throws {
    let client = try TLSClientContext.trusting()
    let server = try TLSServerContext.having()
    #expect(try await !connect(client, server))
    for _ in 0..<10 { #expect(try await connect(client, server)) }
  }

  @Test func `a connection to another name is not resumed`() async throws {
    let client = try TLSClientContext.trusting()
    let server = try TLSServerContext.having()
    #expect(try await !connect(client, server))
    #expect(try await !connect(client, server, name: "127.0.0.1"))
  }

  @Test func `a server that forgot its tickets gets a full handshake`() async throws {
    let client = try TLSClientContext.trusting()
    #expect(try await !connect(client, .having()))
    #expect(try await !connect(client, .having()))
  }
}
