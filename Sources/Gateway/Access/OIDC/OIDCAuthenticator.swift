package import ArtifactsAPI
package import EventLoop
import HTTPTransport
package import TLS

/// Takes ID tokens for identities (OpenID Connect Core 1.0, section 3.1.3.7): signed by an issuer that the operator named,
/// for an audience that he named, within their time, with the claims that he asks for. Shared by all loops. For other providers
/// another one is made, which takes over what holds for them, too.
package final class OIDCAuthenticator: Sendable {
  /// Seconds that the clocks of issuers may differ from this one's.
  package static let skew = 60.0
  /// Bytes of a claim that identities have. Longer ones are left out, not cut: a part might match what the whole does not.
  private static let longestClaim = 1_024

  private let providers: [OIDCProvider]
  private let verdicts: TokenVerdicts
  private let clock: @Sendable () -> Double

  /// - Parameters:
  ///   - configuration: the way to other hosts: proxy, authorities, the clock.
  ///   - loop: where keys are fetched.
  ///   - before: the one whose place this one takes: providers that stay as they are keep keys and verdicts, those whose tokens
  ///     must say something else keep their keys.
  ///   - onTrouble: told when the keys of an issuer cannot be had, once until they can.
  /// - Throws: `TLSError` when authorities cannot be used.
  package init(
    _ issuers: [OIDCIssuer], _ configuration: GatewayConfiguration, on loop: Loop,
    after before: OIDCAuthenticator? = nil,
    onTrouble: @escaping @Sendable (String) -> Void
  ) throws(TLSError) {
    clock = configuration.wallClock
    verdicts = before?.verdicts ?? TokenVerdicts()
    let known = before?.providers ?? []
    providers = try issuers.map { (issuer) throws(TLSError) in
      let stamp = issuer.caFile.flatMap { FileStamp($0) }
      let kin = known.filter { $0.caStamp == stamp && $0.issuer.sharesKeys(with: issuer) }
      if let same = kin.first(where: { $0.issuer == issuer }) { return same }
      if let kin = kin.first { return OIDCProvider(issuer, kin.keys, caStamp: stamp) }
      return OIDCProvider(issuer, try Self.keys(of: issuer, configuration, on: loop, onTrouble), caStamp: stamp)
    }
    before?.retire(but: providers)
  }

  private static func keys(
    of issuer: OIDCIssuer, _ configuration: GatewayConfiguration, on loop: Loop,
    _ onTrouble: @escaping @Sendable (String) -> Void
  ) throws(TLSError) -> KeySource {
    let tls = try TLSClientContext(
      caFile: issuer.caFile ?? configuration.caFile, applicationProtocols: ["http/1.1"])
    let routes = configuration.routes(trusting: issuer.origins)
    var timeouts = configuration.timeouts
    timeouts.tlsHandshake = min(timeouts.tlsHandshake, .seconds(5))
    return KeySource(issuer, on: loop, clock: configuration.wallClock, onTrouble: onTrouble) { [timeouts] in
      UpstreamPool(on: $0, resolver: Resolver(), routes: routes, tls: tls, timeouts: timeouts)
    }
  }

  /// Whose a token is; the expiry is the time from which on it is to be checked again.
  package func authenticate(_ secret: Secret) async -> Result<VerifiedIdentity, OIDCRefusal> {
    let text = secret.exposed
    guard text.utf8.count <= JSONWebToken.longest else { return .failure(OIDCRefusal("it is longer than 16 KiB")) }
    let digest = TokenVerdicts.digest(text)
    let now = clock()
    if let verified = verdicts.find(digest, among: providers, at: now) { return .success(verified) }
    do throws(OIDCRefusal) {
      let token = try JSONWebToken(parsing: text)
      // What needs no key comes first: a token that can only be refused sets nothing off.
      let provider = try provider(of: token)
      let expiry = try token.checkTimes(now: now, skew: Self.skew)
      let claims = Self.flattened(token.claims)
      try Self.check(token, provider.issuer.required)
      let name = try provider.issuer.name.name(from: claims)
      let keys = try await provider.keys.keys(for: token)
      guard let key = keys.key(for: token) else {
        throw OIDCRefusal("its issuer has no \(token.algorithm.rawValue) key \(OIDCRefusal.quote(token.keyID ?? ""))")
      }
      guard key.verifies(token.signature, of: token.signedBytes) else {
        throw OIDCRefusal("its signature is not its issuer's")
      }
      let identity = Identity(.oidc, name, claims: claims)
      return .success(verdicts.keep(identity, for: digest, of: provider, at: now, until: expiry + Self.skew))
    } catch {
      return .failure(error)
    }
  }

  /// Closes connections that nobody uses.
  package func closeIdle() async { for provider in providers { await provider.keys.closeIdle() } }

  /// Lets go the connections to providers that are not among those that stay. Whoever is still being checked is so to the end.
  func retire(but staying: [OIDCProvider] = []) {
    for provider in providers where !staying.contains(where: { $0.keys === provider.keys }) {
      Task { await provider.keys.retire() }
    }
  }

  private func provider(of token: JSONWebToken) throws(OIDCRefusal) -> OIDCProvider {
    guard let issuer = token.issuer else { throw OIDCRefusal("it has no iss") }
    let own = providers.filter { $0.issuer.issuer == issuer }
    guard !own.isEmpty else { throw OIDCRefusal("its issuer is \(OIDCRefusal.quote(issuer)), which is not configured") }
    let audiences = token.audiences
    guard let provider = own.first(where: { !Set($0.issuer.audiences).isDisjoint(with: audiences) }) else {
      throw OIDCRefusal("it is for \(OIDCRefusal.quote(audiences.joined(separator: ", "))), not for this gateway")
    }
    return provider
  }

  /// Each claim asked for must match; of an array, one of its items.
  private static func check(_ token: JSONWebToken, _ required: [String: ClaimPattern]) throws(OIDCRefusal) {
    for (name, pattern) in required.sorted(by: { $0.key < $1.key }) {
      let values = token.claims[name].map { $0.items ?? [$0] } ?? []
      guard values.contains(where: { text(of: $0).map { pattern.matches($0) } ?? false }) else {
        throw OIDCRefusal("its \(name) is not what is required")
      }
    }
  }

  // MARK: Claims as text

  /// The claims on the first level: texts, numbers and truth values as text, arrays of these parted by commas. What cannot
  /// be told apart then, an item with a comma in it, is left out, as are objects and what is too long.
  static func flattened(_ claims: [String: StrictJSON]) -> [String: String] {
    var texts: [String: String] = [:]
    for (name, value) in claims {
      let items = value.items?.compactMap { text(of: $0) }.filter { !$0.contains(",") }
      guard let text = items?.joined(separator: ",") ?? text(of: value), text.utf8.count <= longestClaim,
        name.utf8.count <= longestClaim
      else { continue }
      texts[name] = text
    }
    return texts
  }

  private static func text(of value: StrictJSON) -> String? {
    switch value {
    case .string(let text): text
    case .integer(let number): "\(number)"
    case .number(let number): "\(number)"
    case .bool(let truth): truth ? "true" : "false"
    case .null, .array, .object: nil
    }
  }
}

extension OIDCAuthenticator: BearerVerifier {
  package func verify(_ token: Secret) async throws(CredentialRefusal) -> VerifiedIdentity {
    switch await authenticate(token) {
    case .success(let verified): return verified
    case .failure(let refusal):
      throw CredentialRefusal(refusal.isOutage ? .busy : .wrong, "ID token: \(refusal.reason)")
    }
  }
}
