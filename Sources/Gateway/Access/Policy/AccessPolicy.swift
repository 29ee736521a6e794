import Synchronization

/// The policy in effect, which can be put in the place of another at any time. Shared by all loops.
package final class AccessPolicy: Sendable {
  /// What one request is decided by.
  struct Current: Sendable {
    let policy: Policy
    let mode: AccessConfiguration.Mode
  }

  private let state: Mutex<Current?>
  private let changes = Atomic<UInt64>(0)

  package init(_ configuration: AccessConfiguration) { state = Mutex(Self.compile(configuration)) }

  /// Decides what comes from here on by other rules.
  package func set(_ configuration: AccessConfiguration) {
    let new = Self.compile(configuration)
    state.withLock { $0 = new }
    changes.add(1, ordering: .releasing)
  }

  /// Counts the times that it was set.
  var generation: UInt64 { changes.load(ordering: .acquiring) }

  /// Nil when everybody may do everything.
  var current: Current? { state.withLock { $0 } }

  private static func compile(_ configuration: AccessConfiguration) -> Current? {
    configuration.isOn
      ? Current(policy: Policy(configuration.rules, configuration.groups), mode: configuration.mode) : nil
  }
}
