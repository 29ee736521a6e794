import EventLoop
import HTTPCore

/// A client's HTTP/2 connection to an origin, shared by exchanges. Confined to its loop.
///
/// A response that nobody wants any more is first left to end by itself, unread, and only then reset: servers close on
/// clients that reset much. A connection on which that has happened often carries no new exchanges.
final class HTTP2Link {
  /// How many exchanges share a connection at most, whatever the peer allows.
  private static let exchangeLimit = 100
  /// How long an unwanted response may take to end by itself.
  private static let drainTime = Duration.seconds(2)
  /// Resets until a connection is given up, if they are more than a tenth of its exchanges.
  private static let resetLimit = 16

  let origin: Origin
  let connection: HTTP2Connection
  /// Exchanges that were handed out and have not ended.
  private var activeCount = 0
  /// Exchanges that were ever handed out.
  private var totalCount = 0
  private(set) var resetCount = 0
  /// Unwanted responses that have not ended.
  private var draining: [HTTP2Stream] = []
  private lazy var drainDeadline = Deadline(on: connection.loop) { [weak self] in self?.resetDraining() }
  private(set) var isRetired = false
  /// When the last exchange ended, nanoseconds of the monotonic clock.
  private(set) var idleSince: UInt64
  private let setup: ConnectionSetup
  private let tally: UpstreamTally

  init(
    _ transport: Transport, origin: Origin, idle: Duration, setup: ConnectionSetup, tally: UpstreamTally
  ) throws(TransportError) {
    do throws(HTTP2Error) {
      connection = try HTTP2Connection(transport, .client, idle: idle)
    } catch {
      transport.close()
      throw TransportError(error)
    }
    self.origin = origin
    self.setup = setup
    self.tally = tally
    idleSince = connection.loop.now
    tally.opened()
    tally.rests()
    connection.onChange = { [weak self] in self?.closeIfDone() }
    let own = LoopConfined(connection)
    Task(executorPreference: connection.loop) { await own.value.run() }
  }

  deinit {
    tally.works()
    tally.closed()
  }

  var isOpen: Bool { connection.isOpen }
  var isIdle: Bool { activeCount == 0 && draining.isEmpty }
  var wasUsed: Bool { totalCount > 1 }

  /// Whether another exchange may begin now.
  var hasRoom: Bool {
    isUsable && activeCount + draining.count < Self.exchangeLimit
      && activeCount + draining.count < connection.session.freeStreams + connection.session.streamCount
  }

  /// Whether it may be used again, now or later.
  var isUsable: Bool { isOpen && !isRetired && !connection.wasSentAway && connection.session.mayRequest }

  func begin() -> HTTP2Exchange {
    if activeCount == 0 { tally.works() }
    activeCount += 1
    totalCount += 1
    return HTTP2Exchange(on: self, setup: totalCount == 1 ? setup : nil)
  }

  /// Carries no new exchanges, and closes when the last has ended.
  func retire() {
    isRetired = true
    closeIfDone()
  }

  /// An exchange is over.
  /// - Parameter stream: what it left, if it had come so far.
  func end(_ stream: HTTP2Stream?, isRequestWritten: Bool) {
    activeCount -= 1
    if activeCount == 0 { tally.rests() }
    idleSince = connection.loop.now
    if let stream {
      stream.abandon()
      if !stream.isOver {
        if isRequestWritten {
          draining.append(stream)
          if draining.count == 1 { drainDeadline.set(after: Self.drainTime) }
        } else {
          reset(stream)
        }
      }
    }
    closeIfDone()
  }

  private func reset(_ stream: HTTP2Stream) {
    resetCount += 1
    if resetCount >= Self.resetLimit, resetCount * 10 > totalCount { isRetired = true }
    stream.reset(.cancel)
  }

  private func resetDraining() {
    let left = draining.filter { !$0.isOver }
    draining.removeAll()
    for stream in left { reset(stream) }
    closeIfDone()
  }

  private func closeIfDone() {
    guard isOpen else { return drainDeadline.clear() }
    draining.removeAll(where: \.isOver)
    if draining.isEmpty { drainDeadline.clear() }
    if isIdle, !isUsable { connection.close() }
  }

  func close() { connection.close() }
}
