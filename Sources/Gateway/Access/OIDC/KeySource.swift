import EventLoop
import HTTPCore
import HTTPTransport

/// The keys of one issuer: fetched when they are first wanted, by one call however many wait, kept, and fetched anew ahead of
/// their end. What cannot be fetched anew goes on as it is for a day.
actor KeySource {
  private struct Kept {
    let set: JSONWebKeySet
    let fetchedAt: Double
    /// From here on they are fetched anew behind whoever asks.
    let refreshAt: Double
    let freshUntil: Double
  }

  /// Seconds for which keys serve while no others can be had.
  static let outageLimit = 86_400.0
  /// Seconds between two fetches for the sake of a key that is not known: whoever makes such tokens up must not set the pace.
  static let unknownKeyPause = 60.0
  /// Seconds after a failure in which nobody is asked.
  static let failurePause = 10.0
  /// For one answer, from the request to its last byte.
  private static let patience = Duration.seconds(10)
  private static let bodyLimit = 262_144
  private static let configurationDepth = 8
  private static let configurationLimit = 8_192

  private let issuer: OIDCIssuer
  private let loop: Loop
  private let pool: UpstreamPool
  private let client: HTTPClient
  private let clock: @Sendable () -> Double
  /// Told of the first failure after a success.
  private let onTrouble: @Sendable (String) -> Void
  private var kept: Kept?
  private var fetching: Task<OIDCRefusal?, Never>?
  private var failure: (refusal: OIDCRefusal, until: Double)?
  private var nextForUnknown = -Double.infinity
  private var isRetired = false

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  init(
    _ issuer: OIDCIssuer, on loop: Loop, clock: @escaping @Sendable () -> Double,
    onTrouble: @escaping @Sendable (String) -> Void, makePool: @Sendable (Loop) -> sending UpstreamPool
  ) {
    self.issuer = issuer
    self.loop = loop
    self.clock = clock
    self.onTrouble = onTrouble
    pool = makePool(loop)
    client = HTTPClient(pool)
  }

  /// The keys to check `token` with. They need not hold the one that it names.
  /// - Throws: when there are none.
  func keys(for token: JSONWebToken) async throws(OIDCRefusal) -> JSONWebKeySet {
    let now = clock()
    guard let kept, now < kept.fetchedAt + Self.outageLimit else {
      self.kept = nil
      if let refusal = await fetch(now) { throw refusal }
      guard let kept = self.kept else { throw OIDCRefusal("its issuer's keys are not there", isOutage: true) }
      return kept.set
    }
    if kept.set.key(for: token) == nil {
      // A fetch that is under way may bring it.
      if fetching != nil {
        _ = await fetch(now)
      } else if now >= nextForUnknown, !isPausing(now) {
        nextForUnknown = now + Self.unknownKeyPause
        _ = await fetch(now)
      }
    } else if now >= kept.freshUntil {
      _ = await fetch(now)
    } else if now >= kept.refreshAt {
      start(now)
    }
    return (self.kept ?? kept).set
  }

  func closeIdle() { pool.closeIdle() }

  /// Nobody will ask any more but those who have begun to.
  func retire() {
    isRetired = true
    pool.closeIdle()
  }

  // MARK: Fetching

  /// Fetches, or waits for who does.
  /// - Returns: why there is nothing new; nil when there is.
  private func fetch(_ now: Double) async -> OIDCRefusal? {
    if let fetching { return await fetching.value }
    if let failure, now < failure.until { return failure.refusal }
    return await start(now)?.value
  }

  private func isPausing(_ now: Double) -> Bool { failure.map { now < $0.until } ?? false }

  @discardableResult
  private func start(_ now: Double) -> Task<OIDCRefusal?, Never>? {
    guard fetching == nil else { return fetching }
    guard !isPausing(now) else { return nil }
    let task = Task(executorPreference: loop) { await self.run() }
    fetching = task
    return task
  }

  private func run() async -> OIDCRefusal? {
    defer {
      fetching = nil
      if isRetired { pool.closeIdle() }
    }
    do throws(OIDCRefusal) {
      let (set, life) = try await load()
      let now = clock()
      kept = Kept(set: set, fetchedAt: now, refreshAt: now + 0.8 * life, freshUntil: now + life)
      failure = nil
      return nil
    } catch {
      if failure == nil { onTrouble("\(issuer.issuer): \(error.reason)") }
      failure = (error, clock() + Self.failurePause)
      return error
    }
  }

  private func load() async throws(OIDCRefusal) -> (JSONWebKeySet, Double) {
    var url = issuer.keysURL
    if url == nil { url = try await discover() }
    guard let url else { throw OIDCRefusal("its issuer names no keys", isOutage: true) }
    let answer = try await get(url)
    return (try JSONWebKeySet(parsing: answer.body), KeyLifetime.seconds(answer.fields))
  }

  /// Where the keys are (OpenID Connect Discovery 1.0, sections 4.1 to 4.3).
  private func discover() async throws(OIDCRefusal) -> OriginURL {
    let answer = try await get(issuer.url, "/.well-known/openid-configuration")
    guard
      let configuration = try? StrictJSON(
        parsing: answer.body, depth: Self.configurationDepth, limit: Self.configurationLimit)
    else { throw OIDCRefusal("its issuer's configuration is not JSON", isOutage: true) }
    guard configuration["issuer"] == .string(issuer.issuer) else {
      throw OIDCRefusal("its issuer's configuration is that of another issuer", isOutage: true)
    }
    guard let url = configuration["jwks_uri"]?.text.flatMap({ issuer.permitted($0) }) else {
      throw OIDCRefusal("its issuer's configuration has no jwks_uri that is a plain https URL", isOutage: true)
    }
    return url
  }

  private func get(_ url: OriginURL, _ path: String = "") async throws(OIDCRefusal) -> HTTPResponse {
    let target = url.path + path
    let answer: HTTPResponse
    do throws(TransportError) {
      answer = try await client.send(
        .get, target.isEmpty ? "/" : target, to: url.origin,
        fields: Fields([(.accept, "application/json"), (.userAgent, "artifacts-gateway")]), isReplayable: true,
        firstByte: Self.patience, limit: Self.bodyLimit, within: Self.patience)
    } catch {
      throw OIDCRefusal("cannot ask \(url.origin) for its issuer's keys: \(error)", isOutage: true)
    }
    guard answer.status == 200 else {
      throw OIDCRefusal("\(url.origin) answered \(answer.status) when asked for its issuer's keys", isOutage: true)
    }
    return answer
  }
}
