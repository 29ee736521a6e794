import EventLoop
import GatewayTestSupport
import HTTPCore
import HTTPTransport
import TLS

/// A client with its pool, and a port on the same loop where a test plays the server. Confined to its loop.
final class Upstream {
  let loop: Loop
  let listening: Listening
  let pool: UpstreamPool
  let client: HTTPClient
  let origin: Origin

  private init(on loop: Loop, _ timeouts: Timeouts) throws {
    self.loop = loop
    listening = try Listening(on: loop)
    pool = UpstreamPool(on: loop, resolver: Resolver(), tls: try TLSClientContext(), timeouts: timeouts)
    client = HTTPClient(pool)
    origin = Origin(isSecure: false, host: "127.0.0.1", port: listening.address.port ?? 0)
  }

  static func with(
    timeouts: Timeouts = Timeouts(), _ body: @escaping @Sendable (Upstream) async throws -> Void
  ) async throws {
    try await onLoop { loop in
      let upstream = try Upstream(on: loop, timeouts)
      defer {
        upstream.pool.closeIdle()
        upstream.listening.close()
      }
      try await body(upstream)
    }
  }

  typealias Answer = Result<HTTPResponse, TransportError>

  /// Sends a request; the answer is the task's.
  func ask(
    _ target: String = "/", body: [UInt8] = [], isReplayable: Bool = true, firstByte: Duration = .seconds(20),
    limit: Int = 1 << 20
  ) -> Task<Answer, Never> {
    let own = LoopBound(self)
    return Task(executorPreference: loop) {
      do throws(TransportError) {
        return .success(
          try await own.value.client.send(
            body.isEmpty ? .get : .post, target, to: own.value.origin, fields: Fields(), body: body,
            isReplayable: isReplayable, firstByte: firstByte, limit: limit))
      } catch {
        return .failure(error)
      }
    }
  }

  /// Takes a new connection and its first request.
  func accept() async throws -> Peer {
    let peer = await listening.next()
    _ = try await peer.receiveMessage()
    return peer
  }

  /// One whole exchange on a new connection, which stays open.
  func warmUp() async throws -> Peer {
    let answer = ask()
    let peer = try await accept()
    try await peer.send(Upstream.hello)
    _ = try await answer.value.get()
    return peer
  }

  static let hello = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
}

extension Upstream.Answer {
  var text: String? { (try? get()).map { String(decoding: $0.body, as: UTF8.self) } }

  var error: TransportError? {
    if case .failure(let error) = self { return error }
    return nil
  }
}
