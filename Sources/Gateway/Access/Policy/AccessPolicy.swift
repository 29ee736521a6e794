import Synchronization

/// The policy in effect, which can be put in the place of another at any time. Shared by all loops.
package final class AccessPolicy: Sendable {
  /// What one request is decided by.
  struct Current: Sendable {
    let policy: Policy
    let mode: AccessConfiguration.Mode
  }

  private let state: Mutex<Current?>
  private let limits: Mutex<AccessLimits>
  private let changes = Atomic<UInt64>(0)

  /// - Parameter wallClock: seconds since 1970, by which days are counted.
  package init(_ configuration: AccessConfiguration, wallClock: @escaping @Sendable () -> Double) {
    state = Mutex(Self.compile(configuration))
    limits = Mutex(AccessLimits(configuration, wallClock: wallClock))
  }

  /// Decides what comes from here on by other rules. What was counted is forgotten where limits have changed.
  package func set(_ configuration: AccessConfiguration) {
    let new = Self.compile(configuration)
    state.withLock { $0 = new }
    limits.withLock { $0.set(configuration) }
    changes.add(1, ordering: .releasing)
  }

  /// Counts the times that it was set.
  var generation: UInt64 { changes.load(ordering: .acquiring) }

  var currentLimits: AccessLimits { limits.withLock { $0 } }

  /// Nil when everybody may do everything.
  var current: Current? { state.withLock { $0 } }

  private static func compile(_ configuration: AccessConfiguration) -> Current? {
    configuration.isOn
      ? Current(policy: Policy(configuration.rules, configuration.groups), mode: configuration.mode) : nil
  }
}
