import EventLoop
import HTTPCore

/// One request on an HTTP/2 connection, from its head to the end of its stream. Confined to its loop.
final class HTTP2ServerStream {
  private let stream: HTTP2Stream
  private let request: Result<RequestHead, HTTPParseError>
  private let peer: SocketAddress
  private let listener: ListenerInfo
  private let timeouts: Timeouts
  /// Told when the handler has returned and the stream is settled.
  private let onEnd: () -> Void

  init(
    _ stream: HTTP2Stream, _ request: Result<RequestHead, HTTPParseError>, peer: SocketAddress, listener: ListenerInfo,
    timeouts: Timeouts,
    onEnd: @escaping () -> Void
  ) {
    self.stream = stream
    self.request = request
    self.peer = peer
    self.listener = listener
    self.timeouts = timeouts
    self.onEnd = onEnd
  }

  /// Runs the handler and sees the exchange through.
  func run(_ handler: any RequestHandler) async {
    switch request {
    case .success(let head):
      await serve(ServerExchange(head, stream, peer: peer, listener: listener, timeouts: timeouts), handler)
    case .failure(let error):
      // A method that has no effect on how the answer is written stands for the one that was refused.
      let exchange = ServerExchange(
        RequestHead(.get, "/"), stream, peer: peer, listener: listener, timeouts: timeouts)
      try? await exchange.refuse(error.status, error.reason, handler)
    }
    // A request that nobody reads to its end any more; no error, for the response is whole (RFC 9113 section 8.1).
    if !stream.isOver, !stream.isEnded { stream.reset(.noError) }
    stream.abandon()
    onEnd()
  }

  private func serve(_ exchange: ServerExchange, _ handler: any RequestHandler) async {
    defer { handler.ended(exchange) }
    do {
      try await handler.handle(exchange)
      exchange.onClientGone = nil
      if !exchange.hasStarted { try await exchange.respond(status: 500) }
      try await exchange.finish()
    } catch {
      exchange.onClientGone = nil
      if exchange.hasStarted {
        // What is begun and not ended must not look whole.
        if !exchange.isFinished { exchange.abort() }
      } else {
        try? await exchange.answer(inPlaceOf: handler)
      }
    }
  }
}
