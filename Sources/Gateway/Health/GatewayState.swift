import HTTPTransport
import Synchronization

/// What all loops know of the gateway as a whole: whether it should be sent traffic, and takes pushes. Shared by all loops.
package final class GatewayState: Sendable {
  package enum Phase: String, Sendable {
    case starting, ready, draining
  }

  private let phase = Atomic<UInt8>(0)
  private let readOnly = Atomic<Bool>(false)
  private let hasFailedReload = Atomic<Bool>(false)
  private let firstGitListener = Mutex<ListenerInfo?>(nil)

  package init() {}

  package var current: Phase {
    switch phase.load(ordering: .relaxed) {
    case 0: .starting
    case 1: .ready
    default: .draining
    }
  }

  /// Pushes are refused.
  var isReadOnly: Bool { readOnly.load(ordering: .relaxed) }

  func set(isReadOnly: Bool) { readOnly.store(isReadOnly, ordering: .relaxed) }

  /// The configuration was to be reread and could not be: the one before is in effect.
  package var configReloadFailed: Bool { hasFailedReload.load(ordering: .relaxed) }

  /// The configuration was reread, or could not be.
  package func noteReload(isGood: Bool) { hasFailedReload.store(!isGood, ordering: .relaxed) }

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
