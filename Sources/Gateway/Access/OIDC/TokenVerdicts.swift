import PackCache
import Synchronization

/// The tokens that were found good lately, by their digests: a client that shows one at every request is checked once, and
/// goes on while the issuer cannot be reached. At most 4,096.
final class TokenVerdicts: Sendable {
  private struct Entry {
    /// By which it was found good; gone when that is no provider any more.
    weak let provider: OIDCProvider?
    let verified: VerifiedIdentity
    /// Seconds since 1970.
    let until: Double
  }

  static let limit = 4_096
  /// Seconds after which a token is checked again: so long a key that was taken back still counts.
  static let longest = 300.0

  private let entries = Mutex<[[UInt8]: Entry]>([:])

  /// SHA-256 of a token: what is kept of it.
  static func digest(_ token: String) -> [UInt8] {
    var token = token
    var digest = Digest(.sha256)
    token.withUTF8 { digest.update(UnsafeRawBufferPointer($0)) }
    return digest.finish()
  }

  func find(_ digest: [UInt8], among providers: [OIDCProvider], at now: Double) -> VerifiedIdentity? {
    entries.withLock { entries in
      guard let entry = entries[digest] else { return nil }
      if now < entry.until, providers.contains(where: { $0 === entry.provider }) { return entry.verified }
      entries[digest] = nil
      return nil
    }
  }

  /// - Parameter expiry: from when on the token is worth nothing.
  /// - Returns: the identity, with the time from which on the token is to be checked again.
  func keep(
    _ identity: Identity, for digest: [UInt8], of provider: OIDCProvider, at now: Double, until expiry: Double
  ) -> VerifiedIdentity {
    let until = min(expiry, now + Self.longest)
    let verified = VerifiedIdentity(identity, expiry: until)
    entries.withLock { entries in
      if entries.count >= Self.limit { entries = entries.filter { now < $0.value.until } }
      if entries.count >= Self.limit {
        // Those go whose time is up first.
        for (digest, _) in entries.sorted(by: { $0.value.until < $1.value.until }).prefix(Self.limit / 8) {
          entries[digest] = nil
        }
      }
      entries[digest] = Entry(provider: provider, verified: verified, until: until)
    }
    return verified
  }

  var count: Int { entries.withLock { $0.count } }
}
