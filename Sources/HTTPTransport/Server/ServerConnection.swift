import EventLoop
import HTTPCore

/// One client's connection: request after request until either side has had enough. One that begins as HTTP/2 is handed to
/// an `HTTP2ServerConnection`. Confined to its loop.
final class ServerConnection {
  private let transport: Transport
  private let wire: HTTP1Wire
  private let peer: SocketAddress
  private let listener: ListenerInfo
  private let timeouts: Timeouts
  private let handler: any RequestHandler
  private var isIdle = false
  private var isFirst = true
  /// Nothing came for a while after a response; it waits on without a task.
  private var isResting = false
  /// How long after a response.
  private static let restDelay = Duration.milliseconds(250)
  private var isDraining = false
  private var exchange: ServerExchange?
  /// Runs the handler of an HTTP/2 stream as a task of its own. Nil when HTTP/2 is not spoken.
  private let startStream: HTTP2ServerConnection.StartStream?
  private var http2: HTTP2ServerConnection?
  /// Some old clients end the body of a POST with an empty line too many.
  private static let emptyLines = 2

  init(
    _ transport: Transport, peer: SocketAddress, listener: ListenerInfo, timeouts: Timeouts,
    handler: any RequestHandler, startStream: HTTP2ServerConnection.StartStream?
  ) {
    self.transport = transport
    self.peer = peer
    self.listener = listener
    self.timeouts = timeouts
    self.handler = handler
    self.startStream = startStream
    wire = HTTP1Wire(transport)
  }

  /// Serves until the connection is closed, and closes it; or until nothing has come for a moment after a response.
  ///
  /// A task keeps what memory its deepest call needed for as long as it lives, and even one that only waits takes 4 KiB. So a
  /// connection that rests is to be run again, by a new task, when something comes: `rest`.
  /// - Returns: whether it is closed.
  func run() async -> Bool {
    await serveUntilRest()
    if isResting { return false }
    close()
    return true
  }

  private func close() {
    transport.close()
    if isDraining { grace.clear() }
  }

  /// Calls `wake` once: with true when something has come, and `run` is to go on; with false when the connection is closed.
  func rest(_ wake: @escaping (Bool) -> Void) {
    wire.releaseMemory()
    transport.channel.whenReadable(within: timeouts.keepAlive - Self.restDelay) { [self] isReadable in
      isResting = false
      if !isReadable { close() }
      wake(isReadable)
    }
  }

  private func serveUntilRest() async {
    if let startStream, transport.hasChosenHTTP2 { return await runHTTP2([], startStream) }
    while true {
      let head: RequestHead
      do throws(TransportError) {
        if isFirst {
          switch try await firstHead() {
          case .request(let first): head = first
          case .http2(let startStream): return await runHTTP2(Self.preface, startStream)
          case nil: return
          }
        } else {
          guard let next = try await nextHead() else { return }
          head = next
        }
      } catch {
        if isResting { return }
        await refuse(error)
        return
      }
      isFirst = false
      let exchange = ServerExchange(
        head, wire, peer: peer, listener: listener, timeouts: timeouts, closes: isDraining)
      self.exchange = exchange
      let goesOn = await serve(exchange)
      self.exchange = nil
      guard goesOn else { return }
      wire.rest()
    }
  }

  /// What a connection of HTTP/2 begins with, up to its first empty line (RFC 9113 section 3.4).
  private static let preface = Array("PRI * HTTP/2.0\r\n\r\n".utf8)

  private enum FirstHead {
    case request(RequestHead)
    case http2(HTTP2ServerConnection.StartStream)
  }

  private func firstHead() async throws(TransportError) -> FirstHead? {
    isIdle = true
    defer { isIdle = false }
    return try await wire.readHead(first: timeouts.head, rest: timeouts.head, passingOver: Self.emptyLines) {
      (bytes) throws(HTTPParseError) in
      if let startStream, bytes.elementsEqual(Self.preface) { return .http2(startStream) }
      return .request(try RequestHead(parsing: bytes))
    }
  }

  /// - Parameter begun: what was read of the preface, before what lies in the input.
  private func runHTTP2(_ begun: [UInt8], _ startStream: @escaping HTTP2ServerConnection.StartStream) async {
    guard
      let http2 = HTTP2ServerConnection(
        transport, peer: peer, listener: listener, timeouts: timeouts, startStream: startStream)
    else { return }
    self.http2 = http2
    if isDraining { http2.drain() }
    let first = begun + Array(wire.input.bytes)
    wire.input.consume(wire.input.bytes.count)
    wire.rest()
    await http2.run(first)
    self.http2 = nil
  }

  /// - Throws: also when the connection is to rest.
  private func nextHead() async throws(TransportError) -> RequestHead? {
    if !isDraining, timeouts.keepAlive > Self.restDelay {
      do throws(TransportError) { return try await nextHead(Self.restDelay) } catch {
        guard case .timedOut = error, wire.input.isEmpty else { throw error }
        if !isDraining {
          isResting = true
          isIdle = true
          throw error
        }
      }
    }
    return try await nextHead(isDraining ? Self.drainGrace : timeouts.keepAlive)
  }

  private func nextHead(_ wait: Duration) async throws(TransportError) -> RequestHead? {
    isIdle = true
    defer { isIdle = false }
    return try await wire.readHead(first: wait, rest: timeouts.head, passingOver: Self.emptyLines) {
      (bytes) throws(HTTPParseError) in try RequestHead(parsing: bytes)
    }
  }

  /// Sees an exchange through. Returns whether the connection can carry another.
  private func serve(_ exchange: ServerExchange) async -> Bool {
    let isAnswered = await answer(exchange)
    handler.ended(exchange)
    guard isAnswered else { return false }
    if !exchange.isBodyRead {
      await linger(closing: exchange.closesConnection)
      if exchange.closesConnection || !wire.isBodyRead { return false }
    }
    if exchange.closesConnection {
      transport.closeWriting()
      return false
    }
    return true
  }

  /// Runs the handler, and answers where it has not. Returns false when the response is not out.
  private func answer(_ exchange: ServerExchange) async -> Bool {
    do {
      try await handler.handle(exchange)
      exchange.onClientGone = nil
      if !exchange.hasStarted { try await exchange.respond(status: 500) }
      try await exchange.finish()
    } catch {
      exchange.onClientGone = nil
      // What is begun and not ended must not look whole.
      guard !exchange.hasStarted else {
        if !exchange.isFinished { transport.abort() }
        return false
      }
      exchange.closesConnection = true
      do { try await exchange.answer(inPlaceOf: handler) } catch { return false }
    }
    return true
  }

  /// Reads on what the client still sends, so that the response reaches it: closing with unread bytes would reset the
  /// connection under it.
  private func linger(closing: Bool) async {
    if closing { transport.closeWriting() }
    await skipBody(for: timeouts.linger)
  }

  /// Drops what comes of the body. A client that has not ended after `limit` is cut, however busily it sends.
  private func skipBody(for limit: Duration) async {
    let end = Deadline(on: transport.loop) { [transport] in transport.close() }
    end.set(after: limit)
    try? await wire.skipBody(idle: limit)
    end.clear()
  }

  /// Answers a request that could not be read, where an answer makes sense.
  private func refuse(_ error: TransportError) async {
    let status: Int
    let reason: String
    switch error {
    case .malformed(let error): (status, reason) = (error.status, error.reason)
    case .timedOut where !wire.input.isEmpty: (status, reason) = (408, "the head of the request took too long")
    default: return
    }
    let body = Array("\(reason)\n".utf8)
    wire.writeHead(.length(body.count)) { writer in
      writer.begin(status: status, .length(body.count))
      writer.append(.contentType, "text/plain; charset=utf-8")
      if status == 405 { writer.append(.allow, ServerExchange.allowedMethods) }
      writer.append(handler.fields(ofRefusal: status, reason, from: peer, on: nil))
      writer.append(.connection, "close")
      writer.end()
      body.withUnsafeBytes { writer.append($0) }
    }
    do throws(TransportError) { try await wire.flush(idle: timeouts.idle) } catch { return }
    transport.closeWriting()
    wire.input.consume(wire.input.bytes.count)
    // A little patience for what is on its way; its content does not matter any more.
    wire.beginBody(.untilClose)
    await skipBody(for: .milliseconds(500))
  }

  /// How long a connection that may be about to carry a request is kept for it.
  private static let drainGrace = Duration.milliseconds(500)
  private lazy var grace = Deadline(on: transport.loop) { [unowned self] in
    if isIdle && wire.input.isEmpty && !transport.channel.hasInput { transport.close() }
  }

  /// Ends the connection as soon as that harms nobody: after the current response, or the next one. A request may be on its
  /// way, and one that was sent is to be answered; so an idle connection stays for a moment.
  func drain() {
    isDraining = true
    if let http2 { return http2.drain() }
    if let exchange {
      // Told to the client, unless the head is out already: then there may be one more request.
      if !exchange.hasStarted { exchange.closesConnection = true }
    } else {
      grace.set(after: Self.drainGrace)
    }
  }

  /// Ends the connection now. Returns how many exchanges were cut.
  func cut() -> Int {
    if let http2 { return http2.cut() }
    let wasBusy = !isIdle
    transport.channel.onHangUp?()
    transport.abort()
    return wasBusy ? 1 : 0
  }
}
