import EventLoop
import GatewayTestSupport
import Glibc
import TLS

/// Two ends of a socket pair on a loop of their own.
struct Connection {
  let client: End
  let server: End

  /// Runs `body` on a fresh connection, and closes it and its loop afterwards.
  ///
  /// - Parameter socketBytes: the size of the sockets' send buffers, or nil for the system's choice.
  static func open<Result: Sendable>(
    socketBytes: CInt? = nil, _ body: (Connection) async throws -> Result
  ) async throws -> Result {
    let loop = try Loop(label: "tls-tests")
    defer { loop.shutdown() }
    let connection = Connection(client: End(loop), server: End(loop))
    let pair = try Socket.pair()
    if var size = socketBytes {
      let length = socklen_t(MemoryLayout<CInt>.size)
      setsockopt(pair.first.rawValue, SOL_SOCKET, SO_SNDBUF, &size, length)
      setsockopt(pair.second.rawValue, SOL_SOCKET, SO_SNDBUF, &size, length)
    }
    let numbers = pair.release()
    try await connection.client.open(numbers.0)
    try await connection.server.open(numbers.1)
    do {
      let result = try await body(connection)
      await connection.close()
      return result
    } catch {
      await connection.close()
      throw error
    }
  }

  func close() async {
    await client.close()
    await server.close()
  }

  /// Starts both ends.
  func start(
    _ clientContext: TLSClientContext, _ serverContext: TLSServerContext, name: String = Certificates.serverName
  ) async throws {
    try await client.startClient(clientContext, name: name, key: "\(name):443")
    try await server.startServer(serverContext)
  }

  /// Both handshakes at once. Each part is nil when that end succeeded.
  func handshake() async throws -> (client: TLSError?, server: TLSError?) {
    async let server = server.handshake()
    let failure = try await client.handshake()
    // A server may wait for a client that has given up.
    if failure != nil { await client.close() }
    return (failure, try await server)
  }
}

extension SocketPair {
  /// New numbers for both ends, since those of a struct from another module cannot be taken out one by one.
  consuming func release() -> (CInt, CInt) {
    (fcntl(first.rawValue, F_DUPFD_CLOEXEC, 0), fcntl(second.rawValue, F_DUPFD_CLOEXEC, 0))
  }
}

extension TLSClientContext {
  /// Trusts the test authority.
  static func trusting(_ authority: String = "ca.pem", protocols: [String] = []) throws -> TLSClientContext {
    try TLSClientContext(caFile: Certificates.path(authority), applicationProtocols: protocols)
  }
}

extension TLSServerContext {
  /// Has the certificate called `name`.
  static func having(_ name: String = "good", protocols: [String] = []) throws -> TLSServerContext {
    try TLSServerContext(
      certificateFile: Certificates.path("\(name).pem"), keyFile: Certificates.path("\(name).key"),
      applicationProtocols: protocols)
  }
}
