import ArtifactsAPI
import Synchronization

/// What was costly to find out: whose a password or a signed token is. Good verdicts only. Shared by all loops, so that somebody
/// who is known on one is not refused on another while his address is limited; a connection asks it once.
final class VerdictCache: Sendable {
  private struct Verdict {
    let verified: VerifiedIdentity
    /// Seconds since 1970.
    let end: Double
    /// Of the files by which it was found.
    let generation: UInt64
  }

  /// Two halves: when the newer is full it becomes the older, and what nobody has asked for since goes.
  private struct State {
    var newer: [Fingerprint: Verdict] = [:]
    var older: [Fingerprint: Verdict] = [:]
  }

  /// Verdicts remembered at most in each half.
  private static let halfLimit = 512
  /// How long one counts, seconds.
  static let lifetime = 300.0

  /// Of this process alone, so that the hashes mean nothing to anybody else.
  private let salt: [UInt8]
  private let state = Mutex(State())

  init() {
    var generator = SystemRandomNumberGenerator()
    salt = (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }

  /// What stands for credentials.
  func key(of credentials: Credentials) -> Fingerprint {
    var text: String
    switch credentials {
    case .password(let user, let secret): text = "p\(user)\0\(secret.exposed)"
    case .signed(let secret): text = "s\(secret.exposed)"
    case .token(let secret): text = "t\(secret.exposed)"
    }
    return text.withUTF8 { text in
      salt.withUnsafeBytes { Fingerprint(of: $0, UnsafeRawBufferPointer(text)) }
    }
  }

  /// - Parameter now: seconds since 1970.
  func find(_ key: Fingerprint, generation: UInt64, at now: Double) -> VerifiedIdentity? {
    state.withLock { state in
      guard let verdict = state.newer[key] ?? state.older[key] else { return nil }
      guard verdict.generation == generation, now < verdict.end else {
        state.newer[key] = nil
        state.older[key] = nil
        return nil
      }
      if state.newer[key] == nil { Self.insert(verdict, key, &state) }
      return verdict.verified
    }
  }

  /// Remembers a verdict for five minutes, or until its credentials expire.
  /// - Returns: the same, with this end.
  func keep(_ verified: VerifiedIdentity, _ key: Fingerprint, generation: UInt64, at now: Double) -> VerifiedIdentity {
    let end = min(verified.expiry ?? .infinity, now + Self.lifetime)
    let bounded = VerifiedIdentity(verified.identity, expiry: end)
    state.withLock { Self.insert(Verdict(verified: bounded, end: end, generation: generation), key, &$0) }
    return bounded
  }

  /// Verdicts remembered.
  var count: Int { state.withLock { $0.newer.count + $0.older.count } }

  private static func insert(_ verdict: Verdict, _ key: Fingerprint, _ state: inout State) {
    if state.newer.count >= halfLimit {
      state.older = state.newer
      state.newer = [:]
    }
    state.older[key] = nil
    state.newer[key] = verdict
  }
}
