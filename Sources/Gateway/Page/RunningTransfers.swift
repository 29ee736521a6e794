import EventLoop
import GitProtocol
import HTTPTransport
import Synchronization

/// A fetch or push as it was at one moment.
struct RunningTransfer: Sendable {
  let repo: RepoKey
  let service: Service
  /// Since the request came.
  let nanoseconds: UInt64
  let bytesIn: Int
  let bytesOut: Int
}

/// The fetches and pushes that are under way on one loop. Confined to its loop.
final class RunningTransfers {
  private var relays: [GitRelay] = []

  /// Takes one in, until `remove`.
  func add(_ relay: GitRelay) {
    relay.place = relays.count
    relays.append(relay)
  }

  func remove(_ relay: GitRelay) {
    let last = relays.removeLast()
    if last === relay { return }
    last.place = relay.place
    relays[relay.place] = last
  }

  fileprivate var snapshot: [RunningTransfer] {
    relays.map { relay in
      let exchange = relay.exchange
      return RunningTransfer(
        repo: relay.route.repo, service: relay.route.service, nanoseconds: exchange.loop.now - exchange.startedAt,
        bytesIn: exchange.bodyBytesRead, bytesOut: exchange.bytesWritten)
    }
  }
}

/// Those of all loops, for whoever wants to see them.
final class TransferBoard: Sendable {
  /// `@unchecked Sendable`: the list is touched on its loop only.
  private struct Bound: @unchecked Sendable {
    let list: RunningTransfers
    let loop: Loop
  }

  private let bound = Mutex<[Bound]>([])

  /// The list of one more loop.
  func list(on loop: Loop) -> RunningTransfers {
    let new = Bound(list: RunningTransfers(), loop: loop)
    bound.withLock { $0.append(new) }
    return new.list
  }

  /// All that are under way, the oldest first.
  func all() async -> [RunningTransfer] {
    var all: [RunningTransfer] = []
    for bound in bound.withLock({ $0 }) {
      all += await Task(executorPreference: bound.loop) { bound.list.snapshot }.value
    }
    return all.sorted { $0.nanoseconds > $1.nanoseconds }
  }
}
