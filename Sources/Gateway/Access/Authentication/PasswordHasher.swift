import ArtifactsAPI
import CCrypt
import Dispatch
import Synchronization

/// Compares passwords with bcrypt hashes on two threads of its own: one takes tens of milliseconds, and nothing else waits for
/// it meanwhile.
final class PasswordHasher: Sendable {
  /// Passwords being compared, and waiting for that, at most.
  private static let pendingLimit = 2 + 64
  /// bcrypt does not look at more; what is longer would be as good as its beginning.
  private static let lengthLimit = 72

  private let queues = [
    DispatchQueue(label: "passwords-1", qos: .utility), DispatchQueue(label: "passwords-2", qos: .utility),
  ]
  private let pending = Mutex([0, 0])

  /// Whether a password is that of a hash.
  /// - Throws: `.busy` when too many wait already.
  func matches(_ password: Secret, _ hash: String) async throws(CredentialRefusal) -> Bool {
    let queue = pending.withLock { pending -> Int? in
      guard pending[0] + pending[1] < Self.pendingLimit else { return nil }
      let shorter = pending[0] <= pending[1] ? 0 : 1
      pending[shorter] += 1
      return shorter
    }
    guard let queue else { throw CredentialRefusal(.busy, "too many passwords are being checked") }
    defer { pending.withLock { $0[queue] -= 1 } }
    return await withCheckedContinuation { continuation in
      queues[queue].async { continuation.resume(returning: Self.compare(password, hash)) }
    }
  }

  private static func compare(_ password: Secret, _ hash: String) -> Bool {
    let isTooLong = password.exposed.utf8.count > lengthLimit
    return ccrypt_matches(password.exposed, hash) == 1 && !isTooLong
  }
}
