/// How much may be done at all, as it is in effect.
struct AccessLimits: Sendable {
  /// Nil when nobody has a limit.
  private(set) var identities: IdentityLimiter?
  private(set) var push: PushLimits
  private var limits: [IdentityLimit]
  private var groups: [AccessGroup]
  private let wallClock: @Sendable () -> Double

  init(_ configuration: AccessConfiguration, wallClock: @escaping @Sendable () -> Double) {
    self.wallClock = wallClock
    push = configuration.pushLimits
    limits = configuration.limits
    groups = configuration.groups
    identities = Self.limiter(limits, groups, wallClock)
  }

  /// Takes others in their place; who has used how much stays counted where nothing has changed.
  mutating func set(_ configuration: AccessConfiguration) {
    push = configuration.pushLimits
    guard (limits, groups) != (configuration.limits, configuration.groups) else { return }
    (limits, groups) = (configuration.limits, configuration.groups)
    identities = Self.limiter(limits, groups, wallClock)
  }

  private static func limiter(
    _ limits: [IdentityLimit], _ groups: [AccessGroup], _ wallClock: @escaping @Sendable () -> Double
  ) -> IdentityLimiter? {
    guard !limits.isEmpty else { return nil }
    let members = Dictionary(groups.map { ($0.name, $0.members.compactMap(IdentityPattern.init)) }) { one, _ in one }
    let patterns = limits.map { $0.who.compactMap(IdentityPattern.init) }
    return IdentityLimiter(wallClock: wallClock) { identity in
      zip(limits, patterns).first { _, who in
        who.contains { pattern in
          if case .group(let name) = pattern { return members[name]?.contains { $0.matches(identity) } ?? false }
          return pattern.matches(identity)
        }
      }?.0
    }
  }
}

extension IdentityPattern {
  /// Whether it stands for somebody; one for a group stands for nobody by itself.
  fileprivate func matches(_ identity: Identity) -> Bool {
    switch self {
    case .everybody: true
    case .anonymous: identity.source == .anonymous
    case .group: false
    case .named(let source, let glob): identity.source == source && glob.matches(identity.name)
    }
  }
}
