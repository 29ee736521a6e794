import HTTPTransport
import Synchronization

/// Whether the gateway should be sent traffic, and why not. Shared by all loops.
package final class GatewayState: Sendable {
  package enum Phase: String, Sendable {
    case starting, ready, draining
  }

  private let phase = Atomic<UInt8>(0)
  private let firstGitListener = Mutex<ListenerInfo?>(nil)

  package init() {}

  package var current: Phase {
    switch phase.load(ordering: .relaxed) {
    case 0: .starting
    case 1: .ready
    default: .draining
    }
  }

  /// The first listener that serves git.
  var gitListener: ListenerInfo? { firstGitListener.withLock { $0 } }

  /// Takes note of one more listener.
  func add(_ listener: ListenerInfo) {
    guard listener.tag != ListenerConfiguration.adminTag else { return }
    firstGitListener.withLock { if $0 == nil { $0 = listener } }
  }

  /// Moves on; a gateway that drains does not become ready again.
  package func advance(to next: Phase) {
    switch next {
    case .starting: break
    case .ready: _ = phase.compareExchange(expected: 0, desired: 1, ordering: .relaxed)
    case .draining: phase.store(2, ordering: .relaxed)
    }
  }
}
