package import EventLoop
package import HTTPCore

/// One request and its response, on the server's side. Confined to its loop.
package final class ServerExchange {
  private enum Progress { case waiting, started, finished }
  private enum Carrier {
    case http1(HTTP1Wire)
    case http2(HTTP2Stream)
  }

  package let request: RequestHead
  /// Who is at the other end of the connection.
  package let peer: SocketAddress
  /// Where it came in.
  package let listener: ListenerInfo
  /// Tells the connection that it came on from all others of the process.
  package let connection: UInt64
  /// When the head was complete, nanoseconds of the monotonic clock.
  package let startedAt: UInt64
  package let loop: Loop
  private let carrier: Carrier
  private let timeouts: Timeouts
  private var progress = Progress.waiting
  private var mustContinue: Bool
  private var isContinuing = false
  private var afterContinue: [CheckedContinuation<Void, Never>] = []
  private let bytesBefore: (read: Int, written: Int)
  private lazy var chunk = GatherList()
  /// Why the body could not be read to its end.
  package private(set) var bodyFailure: TransportError?
  /// The response's status, once it has begun.
  package private(set) var status: Int?
  /// When the response's head was composed, nanoseconds of the monotonic clock.
  package private(set) var respondedAt: UInt64?
  /// What the handler keeps with it; nobody else looks.
  package var attachment: AnyObject?
  /// The connection must not carry another request.
  package var closesConnection: Bool

  init(
    _ request: RequestHead, _ wire: HTTP1Wire, peer: SocketAddress, listener: ListenerInfo, timeouts: Timeouts,
    closes: Bool
  ) {
    self.request = request
    carrier = .http1(wire)
    loop = wire.transport.loop
    connection = wire.transport.number
    self.peer = peer
    self.listener = listener
    self.timeouts = timeouts
    startedAt = wire.transport.loop.now
    mustContinue = request.expectsContinue
    bytesBefore = (wire.bodyBytesRead, wire.bytesWritten)
    closesConnection = closes || !request.keepsAlive
    wire.beginBody(request.framing)
  }

  init(_ request: RequestHead, _ stream: HTTP2Stream, peer: SocketAddress, listener: ListenerInfo, timeouts: Timeouts) {
    self.request = request
    self.listener = listener
    carrier = .http2(stream)
    loop = stream.connection.loop
    connection = stream.connection.transport.number
    self.peer = peer
    self.timeouts = timeouts
    startedAt = loop.now
    mustContinue = request.expectsContinue
    bytesBefore = (0, 0)
    closesConnection = false
  }

  /// The connection's.
  var transport: Transport {
    switch carrier {
    case .http1(let wire): wire.transport
    case .http2(let stream): stream.connection.transport
    }
  }

  package var isHTTP2: Bool { if case .http2 = carrier { true } else { false } }
  package var hasStarted: Bool { progress != .waiting }
  package var isFinished: Bool { progress == .finished }
  package var isBodyRead: Bool {
    switch carrier {
    case .http1(let wire): wire.isBodyRead
    case .http2(let stream): stream.isBodyRead
    }
  }

  /// Called when the client is gone for good while the request is being served; at once if it is already. Taken back when
  /// the exchange ends.
  package var onClientGone: (() -> Void)? {
    get {
      switch carrier {
      case .http1(let wire): wire.transport.channel.onHangUp
      case .http2(let stream): stream.onGone
      }
    }
    set {
      switch carrier {
      case .http1(let wire): watch(wire.transport.channel, newValue)
      case .http2(let stream):
        stream.onGone = newValue
        if stream.failure != nil { newValue?() }
      }
    }
  }

  private func watch(_ channel: Channel, _ onGone: (() -> Void)?) {
    channel.onHangUp = onGone
    channel.onPeerClosed = onGone == nil ? nil : { [unowned self] in scheduleProbe() }
    if onGone == nil { probe?.clear() }
    if channel.isHungUp { onGone?() } else if channel.isPeerClosed { channel.onPeerClosed?() }
  }

  /// How long after a client has closed its sending side it is asked whether it still listens.
  private static let probeDelay = Duration.milliseconds(500)
  private var probe: Deadline?

  private func scheduleProbe() {
    // One for the whole exchange, which takes it back at its end.
    let deadline = probe ?? Deadline(on: loop) { [unowned self] in probeClient() }
    probe = deadline
    deadline.set(after: Self.probeDelay)
  }

  /// Sends 100 to a client that has closed its sending side and waits for its response, or is gone altogether: then its
  /// system answers with a reset. One that listens passes over it (RFC 9110 section 15.2.1).
  private func probeClient() {
    guard case .http1(let wire) = carrier, progress == .waiting, request.isVersion11, wire.isBodyRead else { return }
    let list = GatherList()
    list.append("HTTP/1.1 100 Continue\r\n\r\n")
    _ = try? wire.transport.write(gathering: list)
  }

  // MARK: Request body

  /// Lends the next bytes of the request body; see `HTTP1Wire.readBody`. Sends 100 first if the client waits for it.
  package func readBody(into list: GatherList) async throws(TransportError) -> Bool {
    if mustContinue, !isBodyRead {
      mustContinue = false
      if progress == .waiting { try await letOn() }
    }
    do {
      switch carrier {
      case .http1(let wire): return try await wire.readBody(into: list, idle: timeouts.idle)
      case .http2(let stream): return try await stream.readBody(into: list, idle: timeouts.idle)
      }
    } catch {
      bodyFailure = error
      throw error
    }
  }

  /// Sends 100.
  private func letOn() async throws(TransportError) {
    guard case .http1(let wire) = carrier else {
      if case .http2(let stream) = carrier { stream.letOn() }
      return
    }
    isContinuing = true
    defer {
      isContinuing = false
      let waiting = afterContinue
      afterContinue.removeAll()
      for continuation in waiting { continuation.resume() }
    }
    wire.writeHead(.none) { $0.append("HTTP/1.1 100 Continue\r\n\r\n") }
    try await wire.flush(idle: timeouts.idle)
  }

  /// The body may be read, and 100 be sent for that, by another task than the one that answers; a connection is written by
  /// one at a time.
  private func waitForContinue() async {
    while isContinuing {
      await withCheckedContinuation { continuation in
        if isContinuing { afterContinue.append(continuation) } else { continuation.resume() }
      }
    }
  }

  /// Lends the next run of body bytes, valid until the next call; nil at the end.
  package func nextBodyChunk() async throws(TransportError) -> UnsafeRawBufferPointer? {
    if let front = chunk.front { chunk.removeFront(front.count) }
    if chunk.isEmpty { _ = try await readBody(into: chunk) }
    return chunk.front
  }

  /// Reads the whole body.
  /// - Throws: `.tooLong` beyond `limit` bytes.
  package func readBody(limit: Int) async throws(TransportError) -> [UInt8] {
    var body: [UInt8] = []
    while let bytes = try await nextBodyChunk() {
      guard bytes.count <= limit - body.count else { throw .tooLong(limit: limit) }
      body.append(contentsOf: bytes)
    }
    return body
  }

  // MARK: Response

  /// Answers with a whole body held in memory.
  package func respond(status: Int, fields: Fields = Fields(), body: [UInt8] = []) async throws(TransportError) {
    compose(status: status, body.isEmpty ? .none : .length(body.count)) { $0.append(fields) }
    if !body.isEmpty { try await write(body) }
    try await finish()
  }

  /// Begins a response whose body follows by `write`.
  ///
  /// - Parameter length: of the body, or nil when it is not known.
  package func start(status: Int, fields: Fields, length: Int?) async throws(TransportError) {
    start(status: status, length: length) { $0.append(fields) }
  }

  /// Begins a response, its fields written by `compose`. The head goes out with the first body bytes or at the end.
  package func start(status: Int, length: Int?, _ fields: (inout HeadWriter) -> Void) {
    let framing: BodyFraming
    if let length {
      framing = length > 0 ? .length(length) : .none
    } else if request.isVersion11 {
      framing = .chunked
    } else {
      framing = .untilClose
      closesConnection = true
    }
    compose(status: status, framing, fields)
  }

  private func compose(status: Int, _ framing: BodyFraming, _ fields: (inout HeadWriter) -> Void) {
    precondition(progress == .waiting, "one response to a request")
    progress = .started
    self.status = status
    respondedAt = loop.now
    // These end with their head, whatever else it says (RFC 9112 section 6.3).
    let framing = status == 204 || status == 304 ? .none : framing
    // A client that waits for 100 and is not let on may send its body or not: nobody can tell what comes next.
    if mustContinue, !isBodyRead { closesConnection = true }
    let isBodiless = request.method == .head
    switch carrier {
    case .http1(let wire):
      wire.writeHead(isBodiless ? .none : framing) { writer in
        writer.begin(status: status, framing)
        fields(&writer)
        if closesConnection {
          writer.append("connection: close\r\n")
        } else if !request.isVersion11 {
          writer.append("connection: keep-alive\r\n")
        }
        writer.end()
      }
    case .http2(let stream): stream.writeHead(status: status, framing, isBodiless: isBodiless, fields)
    }
  }

  /// Sends the pieces of `list`, which is empty afterwards.
  /// - Parameter isLast: nothing follows, so the end of the body goes out in the same call.
  package func write(_ list: GatherList, isLast: Bool = false) async throws(TransportError) {
    if isContinuing { await waitForContinue() }
    if request.method == .head { list.removeAll() }
    let ends = isLast && request.method != .head
    switch carrier {
    case .http1(let wire): try await wire.writeBody(list, isLast: ends, idle: timeouts.idle)
    case .http2(let stream): try await stream.writeBody(list, isLast: ends, idle: timeouts.idle)
    }
    if isLast { progress = .finished }
  }

  /// Sends body bytes, which must stay until this returns.
  package func write(_ bytes: UnsafeRawBufferPointer) async throws(TransportError) {
    let list = GatherList()
    list.append(bytes)
    try await write(list)
  }

  /// Sends body bytes from an array, which is copied so that its bytes stay in place across the wait.
  package func write(_ bytes: [UInt8]) async throws(TransportError) {
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { block.deallocate() }
    block.copyBytes(from: bytes)
    try await write(UnsafeRawBufferPointer(block))
  }

  /// Whether `send` can do its work: in HTTP/1.1 in the clear, for a body of declared length.
  package var canSendFiles: Bool {
    if case .http1(let wire) = carrier { return wire.canSendFiles && request.method != .head }
    return false
  }

  /// Sends part of a file as body bytes, without reading it.
  ///
  /// - Throws: `.closed` when the file ends before, or more is sent than the head declared.
  package func send(_ file: borrowing OwnedDescriptor, from offset: Int, count: Int) async throws(TransportError) {
    guard case .http1(let wire) = carrier else { throw .closed }
    if isContinuing { await waitForContinue() }
    try await wire.sendFile(file, from: offset, count: count, idle: timeouts.idle)
  }

  /// Sends the head now, before there is any of the body.
  package func flush() async throws(TransportError) {
    if isContinuing { await waitForContinue() }
    switch carrier {
    case .http1(let wire): try await wire.flush(idle: timeouts.idle)
    case .http2(let stream): try await stream.flush(idle: timeouts.idle)
    }
  }

  /// Ends the response's body.
  package func finish() async throws(TransportError) {
    guard progress == .started else { return }
    try await write(GatherList(), isLast: true)
    try await flush()
    progress = .finished
  }

  /// Ends the connection, or the stream, here and now: the client sees that its response is cut.
  package func abort() {
    closesConnection = true
    switch carrier {
    case .http1(let wire): wire.transport.abort()
    case .http2(let stream):
      stream.reset(.internalError)
      stream.fail(.closed)
    }
  }

  /// Bytes of the request body that have been read.
  package var bodyBytesRead: Int {
    switch carrier {
    case .http1(let wire): wire.bodyBytesRead - bytesBefore.read
    case .http2(let stream): stream.bodyBytesRead
    }
  }

  /// Bytes written for this exchange so far: head and body, and what frames them in HTTP/1.1.
  package var bytesWritten: Int {
    switch carrier {
    case .http1(let wire): wire.bytesWritten - bytesBefore.written
    case .http2(let stream): stream.bytesWritten
    }
  }
}
