package import EventLoop
package import HTTPCore

/// An HTTP/1.1 connection to an origin: one exchange after another. Confined to its loop.
package final class ClientConnection: UpstreamExchange {
  package let origin: Origin
  private let wire: HTTP1Wire
  /// A list for the pieces of the current response's body, to be used again by the next one.
  package let pieces = GatherList()
  /// Exchanges that were begun before the current one.
  package private(set) var usedCount = 0
  private var isBroken = false
  private var keepsAlive = true
  private var hasResponse = true
  private var isRequestWritten = true
  /// Bytes that had been read when the current request was begun.
  private var readBefore = 0
  /// When it was put into the pool, nanoseconds of the monotonic clock.
  var idleSince: UInt64 = 0
  package private(set) var setup: ConnectionSetup?
  private let tally: UpstreamTally

  init(_ transport: Transport, origin: Origin, setup: ConnectionSetup, tally: UpstreamTally) {
    wire = HTTP1Wire(transport)
    self.origin = origin
    self.setup = setup
    self.tally = tally
    tally.opened()
  }

  // Whoever closes a connection lets go of it.
  deinit { tally.closed() }

  package var isReused: Bool { usedCount > 1 }
  /// A byte has come since the current request was begun, so the peer has seen it: sending it again would repeat it.
  package var hasAnswered: Bool { wire.input.bytesRead > readBefore }
  package var isOpen: Bool { wire.transport.isOpen }
  package var bytesWritten: Int { wire.bytesWritten }

  // MARK: One exchange

  /// Composes a request head; it goes out with the first body bytes or by `flush`.
  package func send(_ method: Method, _ target: String, _ framing: BodyFraming, _ fields: (inout HeadWriter) -> Void) {
    usedCount += 1
    readBefore = wire.input.bytesRead
    hasResponse = false
    isRequestWritten = framing == .none
    wire.writeHead(framing) { writer in
      writer.begin(method, target, framing)
      fields(&writer)
      writer.end()
    }
  }

  /// Sends body pieces; see `HTTP1Wire.writeBody`.
  package func writeBody(_ list: GatherList, isLast: Bool, idle: Duration) async throws(TransportError) {
    do { try await wire.writeBody(list, isLast: isLast, idle: idle) } catch {
      isBroken = true
      throw error
    }
    if isLast { isRequestWritten = true }
  }

  package func flush(idle: Duration) async throws(TransportError) {
    do { try await wire.flush(idle: idle) } catch {
      isBroken = true
      throw error
    }
  }

  /// Waits for the first byte of the response, up to `patience`. The peer's closing counts as one: the head's reader tells.
  /// - Returns: false when nothing came. The connection is as it was.
  package func responseBegins(within patience: Duration) async throws(TransportError) -> Bool {
    if !wire.input.isEmpty { return true }
    do throws(TransportError) {
      _ = try await wire.input.fill(idle: patience)
      return true
    } catch .timedOut {
      return false
    }
  }

  /// Waits for the response's head, passing over 1xx responses, at most eight.
  ///
  /// - Parameters:
  ///   - method: of the request.
  ///   - firstByte: how long it may take to begin.
  package func receiveHead(to method: Method, firstByte: Duration, rest: Duration) async throws(TransportError)
    -> ResponseHead
  {
    do throws(TransportError) {
      for _ in 0...8 {
        let head = try await wire.readHead(first: firstByte, rest: rest) { (bytes) throws(HTTPParseError) in
          try ResponseHead(parsing: bytes, to: method)
        }
        guard let head else { throw .peerClosed }
        if head.status == 101 { throw .malformed(HTTPParseError("101 without being asked")) }
        if head.status < 200 { continue }
        hasResponse = true
        keepsAlive = head.keepsAlive
        wire.beginBody(head.framing)
        return head
      }
      throw .malformed(HTTPParseError("too many 1xx responses"))
    } catch {
      isBroken = true
      throw error
    }
  }

  /// Lends the next bytes of the response's body; see `HTTP1Wire.readBody`.
  package func readBody(into list: GatherList, idle: Duration) async throws(TransportError) -> Bool {
    do { return try await wire.readBody(into: list, idle: idle) } catch {
      isBroken = true
      throw error
    }
  }

  package func leavePieces() -> LentMemory? { wire.input.leaveBlock() }

  /// The response's body has been read to its end.
  package var isBodyRead: Bool { hasResponse && wire.isBodyRead }

  package var hasSurplus: Bool { isBodyRead && !wire.input.isEmpty }

  // MARK: Reuse

  /// The exchange has ended well on both sides and nothing came after it, so another may follow.
  var isReusable: Bool {
    isOpen && !isBroken && keepsAlive && isBodyRead && isRequestWritten && wire.input.isEmpty
  }

  package func release(to pool: UpstreamPool) { pool.keep(self) }

  /// Gives memory back while the connection waits in the pool.
  func rest() {
    setup = nil
    wire.rest()
  }

  /// Looks whether the peer has closed, or sent what nobody asked for, while the connection was idle.
  func isStale() -> Bool {
    do throws(TransportError) {
      let result = try wire.input.fillNow()
      wire.rest()
      return result != .wouldBlock
    } catch {
      return true
    }
  }

  /// Closes now. Whoever waits on it gets `.closed`.
  package func close() {
    isBroken = true
    wire.transport.close()
  }
}
