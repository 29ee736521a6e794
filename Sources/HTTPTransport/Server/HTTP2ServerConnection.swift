import EventLoop
import HTTPCore

/// A client's HTTP/2 connection: streams that are served beside one another. Confined to its loop.
final class HTTP2ServerConnection {
  /// Serves a stream in a task of its own.
  typealias StartStream = (LoopConfined<HTTP2ServerStream>) -> Void

  /// Handlers that run at once: those of open streams, and those of streams that were reset and that have not noticed.
  private static let handlerLimit = 2 * HTTP2Configuration.server.concurrentStreams

  private let connection: HTTP2Connection
  private let peer: SocketAddress
  private let listener: ListenerInfo
  private let timeouts: Timeouts
  private let startStream: StartStream
  private var runningCount = 0
  private var isDraining = false
  /// Ends a connection on which nothing is asked; not put off by anything but a request.
  private lazy var idleDeadline = Deadline(on: connection.loop) { [unowned self] in connection.close() }
  /// Ends a connection whose client does not come to the end of a head.
  private lazy var headDeadline = Deadline(on: connection.loop) { [unowned self] in connection.close(.enhanceYourCalm) }
  private var isHeadAwaited = false

  /// Nil when there is no memory.
  init?(
    _ transport: Transport, peer: SocketAddress, listener: ListenerInfo, timeouts: Timeouts,
    startStream: @escaping StartStream
  ) {
    guard let connection = try? HTTP2Connection(transport, .server, idle: timeouts.idle) else { return nil }
    self.connection = connection
    self.peer = peer
    self.listener = listener
    self.timeouts = timeouts
    self.startStream = startStream
  }

  /// Serves until the connection ends.
  /// - Parameter first: what was read of it already.
  func run(_ first: [UInt8]) async {
    connection.onRequest = { [unowned self] in requestCame($0, $1) }
    connection.onChange = { [unowned self] in watchHead() }
    idleDeadline.set(after: timeouts.head)
    if !first.isEmpty {
      do throws(TransportError) {
        try connection.receive(first)
      } catch {
        connection.fail(error)
      }
    }
    await connection.run()
    idleDeadline.clear()
    headDeadline.clear()
    connection.onRequest = nil
    connection.onChange = nil
    await untilHandlersHaveEnded()
  }

  private func requestCame(_ stream: HTTP2Stream, _ request: Result<RequestHead, HTTPParseError>) {
    guard runningCount < Self.handlerLimit else { return stream.reset(.refusedStream) }
    idleDeadline.clear()
    runningCount += 1
    // Held by its task, which outlives neither the handler nor, because of `run`, this object.
    let serving = HTTP2ServerStream(stream, request, peer: peer, listener: listener, timeouts: timeouts) { [self] in
      streamEnded()
    }
    startStream(LoopConfined(serving))
  }

  private func streamEnded() {
    runningCount -= 1
    guard runningCount == 0 else { return }
    if isDraining { connection.close() } else { idleDeadline.set(after: timeouts.keepAlive) }
    let waiter = lastEnded
    lastEnded = nil
    waiter?.resume()
  }

  private func watchHead() {
    let isInside = connection.session.isInsideHead
    guard isInside != isHeadAwaited else { return }
    isHeadAwaited = isInside
    if isInside { headDeadline.set(after: timeouts.head) } else { headDeadline.clear() }
  }

  // MARK: Ends

  private var lastEnded: UnsafeContinuation<Void, Never>?

  /// The connection counts as open until the last of its handlers has returned.
  private func untilHandlersHaveEnded() async {
    await withUnsafeContinuation { waiter in
      if runningCount == 0 { waiter.resume() } else { lastEnded = waiter }
    }
    idleDeadline.clear()
  }

  /// Takes no new requests and ends with the last that runs.
  func drain() {
    guard !isDraining else { return }
    isDraining = true
    connection.session.goAway()
    connection.pump()
    if runningCount == 0 { connection.close() }
  }

  /// Ends the connection now. Returns how many exchanges were cut.
  func cut() -> Int {
    let count = runningCount
    connection.transport.channel.resetOnClose()
    connection.fail(.closed)
    return count
  }
}
