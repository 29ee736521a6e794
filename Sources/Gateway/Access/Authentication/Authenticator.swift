import EventLoop
import Glibc
import HTTPCore
import HTTPTransport
import TLS

/// Tells who sent a request. One for each loop, confined to it; what is costly to find out is shared.
final class Authenticator {
  /// What all loops share.
  struct Shared: Sendable {
    let store: AccessStore
    let verdicts = VerdictCache()
    let failures = FailureLimiter()
    let hasher = PasswordHasher()
    let users = PeerUsers()
    /// Seconds since 1970.
    let clock: @Sendable () -> Double
  }

  /// Who was found to be at the other end of a connection, by what he showed last. It hangs on the connection, and so never
  /// says anything about another one, or another listener.
  private final class Known {
    let generation: UInt64
    /// The value of `Authorization`; nil when there was none.
    let header: [UInt8]?
    let identity: Identity
    /// Seconds since 1970.
    let end: Double

    init(_ generation: UInt64, _ header: [UInt8]?, _ verified: VerifiedIdentity) {
      self.generation = generation
      self.header = header
      identity = verified.identity
      end = verified.expiry ?? .infinity
    }
  }

  private let shared: Shared
  private let addresses: ListenerAddresses
  private var generation: UInt64 = 0
  private var snapshot: AccessSnapshot
  /// There is a way to show who one is.
  private var isAsking: Bool
  /// What each listener takes, by its number.
  private var accepted: [Int: Set<Identity.Source>] = [:]

  init(_ shared: Shared, _ addresses: ListenerAddresses) {
    self.shared = shared
    self.addresses = addresses
    snapshot = shared.store.snapshot
    isAsking = snapshot.configuration.authentication != nil
  }

  // MARK: The common case

  /// Who sent a request, where that is known without any work: nobody is asked, or the connection has shown the same before.
  func known(_ exchange: ServerExchange) -> Identity? {
    catchUp(exchange)
    guard isAsking else { return .anonymous }
    guard let known = exchange.connectionAttachment as? Known, known.generation == generation,
      known.end == .infinity || shared.clock() < known.end
    else { return nil }
    let isSame = exchange.request.fields.withValue(of: .authorization) { count, value in
      guard let header = known.header else { return count == 0 }
      return count == 1 && header.withUnsafeBytes { Self.isEqual($0, value) }
    }
    return isSame ? known.identity : nil
  }

  private func catchUp(_ exchange: ServerExchange) {
    shared.store.look(at: exchange.loop.now)
    let latest = shared.store.generation
    guard latest != generation else { return }
    generation = latest
    snapshot = shared.store.snapshot
    isAsking = snapshot.configuration.authentication != nil
    accepted.removeAll()
  }

  /// Looks at all bytes, wherever the first difference is: behind a proxy a connection is not one client's.
  private static func isEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
    guard left.count == right.count else { return false }
    var difference: UInt64 = 0
    let wordBytes = left.count & ~7
    for offset in stride(from: 0, to: wordBytes, by: 8) {
      difference |=
        left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        ^ right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }
    for offset in wordBytes..<left.count { difference |= UInt64(left[offset] ^ right[offset]) }
    return difference == 0
  }

  // MARK: Finding out

  /// Who sent a request. What stands in `Authorization` decides, and if it is wrong nothing else does: somebody who means to
  /// be one must not be served as another.
  func identify(_ exchange: ServerExchange) async throws(CredentialRefusal) -> Identity {
    let (generation, snapshot) = (generation, snapshot)
    let accepted = accepted(by: exchange.listener, snapshot)
    let verified: VerifiedIdentity
    let header: [UInt8]?
    do throws(CredentialRefusal) {
      let shown: Credentials?
      (shown, header) = try Self.shown(by: exchange.request)
      verified =
        if let shown {
          try await verify(shown, exchange, accepted, snapshot, generation)
        } else {
          VerifiedIdentity(try await connected(exchange, accepted), expiry: nil)
        }
    } catch {
      guard error.kind == .wrong else { throw error }
      try refuseIfLimited(exchange)
      shared.failures.note(exchange.peer, at: exchange.loop.now)
      throw error
    }
    exchange.connectionAttachment = Known(generation, header, verified)
    return verified.identity
  }

  /// What a listener takes.
  private func accepted(by listener: ListenerInfo, _ snapshot: AccessSnapshot) -> Set<Identity.Source> {
    if let known = accepted[listener.tag] { return known }
    guard let address = addresses[listener.tag], let authentication = snapshot.configuration.authentication else {
      return []
    }
    let sources = authentication.accepted(on: address, isVerifying: snapshot.verifier != nil)
    accepted[listener.tag] = sources
    return sources
  }

  private static func shown(by request: RequestHead) throws(CredentialRefusal) -> (Credentials?, [UInt8]?) {
    let result: Result<(Credentials?, [UInt8]?), CredentialRefusal> = request.fields.withValue(of: .authorization) {
      count, value in
      guard count < 2 else { return .failure(CredentialRefusal(.ambiguous, "more than one Authorization")) }
      guard count == 1 else { return .success((nil, nil)) }
      do throws(CredentialRefusal) { return .success((try Credentials(value), Array(value))) } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Who the connection says it is.
  private func connected(
    _ exchange: ServerExchange, _ accepted: Set<Identity.Source>
  ) async throws(CredentialRefusal) -> Identity {
    if accepted.contains(.certificate) {
      switch exchange.clientCertificateName {
      case .name(let name): return Identity(.certificate, name)
      case .unusable: throw .wrong("a client certificate without a name that does")
      case .none: break
      }
    }
    if accepted.contains(.unix), exchange.listener.address.port == nil, let user = exchange.peerUser {
      return Identity(.unix, await shared.users.name(of: user))
    }
    guard accepted.contains(.anonymous) else { throw CredentialRefusal(.missing, "no credentials") }
    return .anonymous
  }

  // MARK: Credentials

  private func verify(
    _ credentials: Credentials, _ exchange: ServerExchange, _ accepted: Set<Identity.Source>,
    _ snapshot: AccessSnapshot, _ generation: UInt64
  ) async throws(CredentialRefusal) -> VerifiedIdentity {
    guard case .token(let secret) = credentials else {
      return try await verifyCostly(credentials, exchange, accepted, snapshot, generation)
    }
    guard accepted.contains(.token) else { throw .wrong("tokens are not taken here") }
    // A good one is never limited: a look-up costs next to nothing, and nobody guesses 256 bits.
    return try snapshot.tokens.verify(secret, at: shared.clock())
  }

  private func refuseIfLimited(_ exchange: ServerExchange) throws(CredentialRefusal) {
    guard let seconds = shared.failures.secondsLeft(for: exchange.peer, at: exchange.loop.now) else { return }
    throw CredentialRefusal(.limited(seconds), "too many wrong credentials from this address")
  }

  /// What takes long, or asks somebody: found out once, and not at all for those who guess.
  private func verifyCostly(
    _ credentials: Credentials, _ exchange: ServerExchange, _ accepted: Set<Identity.Source>,
    _ snapshot: AccessSnapshot, _ generation: UInt64
  ) async throws(CredentialRefusal) -> VerifiedIdentity {
    let key = shared.verdicts.key(of: credentials)
    let source: Identity.Source
    switch credentials {
    case .signed: source = .oidc
    case .password, .token: source = .password
    }
    guard accepted.contains(source) else { throw .wrong("\(source.rawValue) credentials are not taken here") }
    if let known = shared.verdicts.find(key, generation: generation, at: shared.clock()) { return known }
    try refuseIfLimited(exchange)
    let verified: VerifiedIdentity
    switch credentials {
    case .signed(let token):
      guard let verifier = snapshot.verifier else { throw .wrong("signed tokens are not taken here") }
      verified = try await verifier.verify(token)
    case .password(let user, let password):
      // As much work for a user that there is not.
      let hash = snapshot.passwords.hash(of: user)
      guard let compared = hash ?? snapshot.passwords.decoy else { throw .wrong("unknown user") }
      let isRight = try await shared.hasher.matches(password, compared)
      guard hash != nil else { throw .wrong("unknown user") }
      guard isRight else { throw .wrong("wrong password of \(user)") }
      verified = VerifiedIdentity(Identity(.password, user), expiry: nil)
    case .token: throw .wrong("unknown token")
    }
    return shared.verdicts.keep(verified, key, generation: generation, at: shared.clock())
  }

  // MARK: Answers

  /// Whether a route is only for those who are known. Whether the process lives and is ready is everybody's to know; what
  /// goes on in it is told to those on this machine without asking, and the operator's own programs may control it by its Unix
  /// socket.
  static func isAsked(_ route: Route, _ exchange: ServerExchange) -> Bool {
    switch route {
    case .livez: false
    case .readyz: HealthEndpoints.isVerbose(exchange.request) && !exchange.listener.address.isLoopback
    case .metrics: !exchange.listener.address.isLoopback
    case .control: !isOperator(exchange)
    case .git, .admin, .status, .refused: true
    }
  }

  func result(_ exchange: ServerExchange) async -> Result<Identity, CredentialRefusal> {
    if let known = known(exchange) { return .success(known) }
    do throws(CredentialRefusal) { return .success(try await identify(exchange)) } catch { return .failure(error) }
  }

  /// The challenges of a listener (RFC 9110 section 11.6.1); none where no credentials are taken in a field.
  func challenges(_ exchange: ServerExchange) -> [String] {
    guard let authentication = snapshot.configuration.authentication else { return [] }
    let accepted = accepted(by: exchange.listener, snapshot)
    var challenges: [String] = []
    // Git sends tokens as passwords.
    if !accepted.isDisjoint(with: [.token, .password, .oidc]) {
      challenges.append("Basic realm=\"\(authentication.realm)\", charset=\"UTF-8\"")
    }
    if !accepted.isDisjoint(with: [.token, .oidc]) { challenges.append("Bearer realm=\"\(authentication.realm)\"") }
    return challenges
  }

  /// Whether the process at the other end of a Unix socket is this one's user's, or root's: it could end the gateway anyway.
  static func isOperator(_ exchange: ServerExchange) -> Bool {
    guard exchange.listener.address.port == nil, let user = exchange.peerUser else { return false }
    return user == 0 || user == geteuid()
  }
}
