import HTTPTransport
import Synchronization

/// What all loops know of the gateway as a whole: whether it should be sent traffic, and takes pushes. Shared by all loops.
package final class GatewayState: Sendable {
  package enum Phase: String, Sendable {
    case starting, ready, draining
  }

  private struct Listeners {
    var firstForGit: ListenerInfo?
    var count = 0
    /// What the last look at the files of a certificate found, by its file; nil for nothing wrong.
    var certificates: [String: String?] = [:]
  }

  private let phase = Atomic<UInt8>(0)
  private let readOnly = Atomic<Bool>(false)
  private let hasFailedReload = Atomic<Bool>(false)
  private let cutting = Atomic<Bool>(false)
  private let listeners = Mutex(Listeners())

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

  /// Moves on; a gateway that drains does not become ready again.
  package func advance(to next: Phase) {
    switch next {
    case .starting: break
    case .ready: _ = phase.compareExchange(expected: 0, desired: 1, ordering: .relaxed)
    case .draining: phase.store(2, ordering: .relaxed)
    }
  }

  /// What still runs is being cut.
  var isCutting: Bool { cutting.load(ordering: .relaxed) }

  func beginCut() { cutting.store(true, ordering: .relaxed) }

  // MARK: Listeners

  /// The first listener that serves git.
  var gitListener: ListenerInfo? { listeners.withLock { $0.firstForGit } }

  var listenerCount: Int { listeners.withLock { $0.count } }

  /// Takes note of one more listener.
  func add(_ listener: ListenerInfo) {
    listeners.withLock { listeners in
      listeners.count += 1
      if !listener.isAdmin, listeners.firstForGit == nil {
        listeners.firstForGit = listener
      }
    }
  }

  /// Some listener shows a certificate.
  var hasCertificates: Bool { listeners.withLock { !$0.certificates.isEmpty } }

  /// Why a changed certificate is not in use; nil when all are.
  var certificateFault: String? { listeners.withLock { $0.certificates.values.compactMap(\.self).min() } }

  /// Takes note of a look at the files of a certificate.
  /// - Parameter fault: what is wrong with them.
  func looked(atCertificate file: String, fault: String?) {
    listeners.withLock { $0.certificates[file] = .some(fault) }
  }
}
