import EventLoop
import HTTPTransport

/// Copies the rest of a request body upstream while somebody else waits for the response. Confined to its loop.
final class BodyPump {
  private let exchange: ServerExchange
  private let connection: any UpstreamExchange
  private let idle: Duration
  private(set) var isDone = false
  /// Why it ended early: the client's side, or the upstream's.
  private(set) var clientFailure: TransportError?
  private(set) var upstreamFailure: TransportError?
  /// Monotonic nanoseconds of the loop's clock at the last byte that moved.
  private(set) var lastProgress: UInt64
  /// What the body may bring at most.
  private let sizes: PushSizes?

  init(_ exchange: ServerExchange, _ connection: any UpstreamExchange, idle: Duration, sizes: PushSizes?) {
    self.sizes = sizes
    self.exchange = exchange
    self.connection = connection
    self.idle = idle
    lastProgress = exchange.loop.now
  }

  /// - Parameter first: pieces that were read along with what has been sent.
  func run(first: GatherList?) async {
    let list = first ?? GatherList()
    var turn = FairTurn(exchange.loop)
    defer {
      isDone = true
      lastProgress = exchange.loop.now
    }
    while true {
      if list.isEmpty {
        do throws(TransportError) { _ = try await exchange.readBody(into: list) } catch {
          clientFailure = error
          // Nothing whole can come of the request any more; whoever waits for its response learns it by this.
          connection.close()
          return
        }
      }
      let isLast = exchange.isBodyRead
      await turn.took(list.byteCount)
      if let sizes {
        list.forEach { sizes.follow($0) }
        if sizes.isRefused { return connection.close() }
      }
      do throws(TransportError) { try await connection.writeBody(list, isLast: isLast, idle: idle) } catch {
        upstreamFailure = error
        return
      }
      lastProgress = exchange.loop.now
      if isLast { return }
    }
  }
}

/// Lets the other connections of a loop have their turn in a copy that never has to wait.
struct FairTurn {
  private static let bytesPerTurn = 1 << 20
  private let loop: Loop
  private var taken = 0
  private var turn: UInt64

  init(_ loop: Loop) {
    self.loop = loop
    turn = loop.now
  }

  mutating func took(_ count: Int) async {
    if turn != loop.now {
      turn = loop.now
      taken = 0
    }
    taken += count
    if taken > Self.bytesPerTurn { await loop.yield() }
  }
}
