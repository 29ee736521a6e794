import EventLoop
import GatewayTestSupport
import HTTPCore
import HTTPTransport
import Synchronization
import TLS

/// A server on a port of its own, and a loop beside it for those who talk to it.
struct RunningServer: Sendable {
  let server: HTTPServer
  let address: SocketAddress
  /// Where the clients live.
  let loop: Loop

  func connect() async throws -> Peer { try await Peer.connect(to: address, on: loop) }

  /// Sends one request on a connection of its own and gives back everything up to the end of the stream.
  func ask(_ request: String) async throws -> String {
    let peer = try await connect()
    defer { peer.close() }
    try await peer.send(request)
    return try await peer.receiveToEnd()
  }
}

/// Answers by a closure.
private final class Handler: RequestHandler {
  private let answer: @Sendable (ServerExchange) async throws -> Void

  init(_ answer: @escaping @Sendable (ServerExchange) async throws -> Void) { self.answer = answer }

  func handle(_ exchange: ServerExchange) async throws { try await answer(exchange) }
}

/// Runs a server for the length of `body`, which runs on another loop than the server's.
func withServer(
  timeouts: Timeouts = Timeouts(), loops: Int = 1, maxConnections: Int = 1024, address: SocketAddress = .anyLoopback,
  tls: TLSServerContext? = nil, handler: @escaping @Sendable (ServerExchange) async throws -> Void = answer,
  _ body: @escaping @Sendable (RunningServer) async throws -> Void
) async throws {
  let group = try LoopGroup(count: loops)
  let server = HTTPServer(on: group, timeouts: timeouts, maxConnections: maxConnections) { _ in Handler(handler) }
  var failure: (any Error)?
  do {
    let bound = try await server.listen(on: address, tls: tls).address
    try await onLoop { loop in try await body(RunningServer(server: server, address: bound, loop: loop)) }
  } catch {
    failure = error
  }
  _ = await server.drain(timeout: .milliseconds(300))
  group.shutdown()
  if let failure { throw failure }
}

/// What the handler of most tests answers, by path.
@Sendable func answer(_ exchange: ServerExchange) async throws {
  switch exchange.request.path {
  case "/hello": try await exchange.respond(status: 200, body: Array("hello".utf8))
  case "/empty": try await exchange.respond(status: 204)
  case "/target": try await exchange.respond(status: 200, body: Array(exchange.request.target.utf8))
  case "/echo": try await exchange.respond(status: 200, body: try await exchange.readBody(limit: 1 << 20))
  case "/stream":
    try await exchange.start(status: 200, fields: Fields([(.contentType, "text/plain")]), length: nil)
    for piece in ["one", "", "two", "three"] { try await exchange.write(Array(piece.utf8)) }
    try await exchange.finish()
  case "/short":
    try await exchange.start(status: 200, fields: Fields(), length: 10)
    try await exchange.write(Array("abc".utf8))
  case "/nothing": break
  case "/throws": throw TransportError.timedOut
  default: try await exchange.respond(status: 404)
  }
}

/// Something that happens once and that others wait for, whatever loop they are on.
final class Event: Sendable {
  private struct State {
    var hasHappened = false
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  var hasHappened: Bool { state.withLock { $0.hasHappened } }

  func happen() {
    let waiting = state.withLock { state in
      state.hasHappened = true
      defer { state.waiting.removeAll() }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }

  func wait() async {
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        if !state.hasHappened { state.waiting.append(continuation) }
        return state.hasHappened
      }
      if isOver { continuation.resume() }
    }
  }
}
