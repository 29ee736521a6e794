import EventLoop
import HTTPCore
import HTTPTransport

/// One request and its reply, which may have to be late or cut. Confined to its loop.
final class Exchange {
  /// The reply was cut on purpose.
  struct Cut: Error {}

  private let exchange: ServerExchange
  /// How long the reply is held back.
  var delay = Duration.zero
  /// How many bytes of the reply's body may go out; nil for all.
  var bytesLeft: Int?

  init(_ exchange: ServerExchange) { self.exchange = exchange }

  var request: RequestHead { exchange.request }
  var loop: Loop { exchange.loop }
  var hasStarted: Bool { exchange.hasStarted }

  /// See `ServerExchange.onClientGone`.
  var onClientGone: (() -> Void)? {
    get { exchange.onClientGone }
    set { exchange.onClientGone = newValue }
  }

  func readBody(limit: Int) async throws(TransportError) -> [UInt8] { try await exchange.readBody(limit: limit) }

  func nextBodyChunk() async throws(TransportError) -> UnsafeRawBufferPointer? { try await exchange.nextBodyChunk() }

  /// Answers with a whole body held in memory.
  func respond(status: Int, fields: Fields = Fields(), body: [UInt8] = []) async throws {
    guard let bytesLeft, bytesLeft < body.count else {
      try await pause(delay)
      return try await exchange.respond(status: status, fields: fields, body: body)
    }
    try await start(status: status, fields: fields, length: body.count)
    try await exchange.write(Array(body.prefix(bytesLeft)))
    try await cut()
  }

  /// Begins a response whose body follows by `write`.
  /// - Parameter length: of the body, or nil when it is not known.
  func start(status: Int, fields: Fields, length: Int?) async throws {
    try await pause(delay)
    try await exchange.start(status: status, fields: fields, length: length)
  }

  /// Sends body bytes, which must stay until this returns. Throws `Cut` once the fault says so.
  func write(_ bytes: UnsafeRawBufferPointer) async throws {
    guard let left = bytesLeft else { return try await exchange.write(bytes) }
    if left > 0 { try await exchange.write(UnsafeRawBufferPointer(rebasing: bytes.prefix(left))) }
    bytesLeft = max(0, left - bytes.count)
    if left < bytes.count { try await cut() }
  }

  func finish() async throws(TransportError) { try await exchange.finish() }

  private func cut() async throws {
    try await exchange.flush()
    throw Cut()
  }

  /// Waits, unless the client leaves meanwhile. Throws `CancellationError` when it does.
  func pause(_ time: Duration) async throws {
    guard time > .zero else { return }
    let sleep = Task { try await Task.sleep(for: time) }
    let before = onClientGone
    onClientGone = {
      before?()
      sleep.cancel()
    }
    defer { onClientGone = before }
    try await sleep.value
  }
}
