import ArtifactsAPI
import EventLoop
import Logging

/// What keeps the gateway from asking too much of the service, whatever is asked of the gateway. Shared by all loops.
final class UpstreamCourtesy: Sendable {
  let git: RequestBudget
  let api: RequestBudget
  private let breaker: CircuitBreaker
  private let log: Logger

  /// - Parameters:
  ///   - limit: most requests in 10 s to git and to the API each; 0 is any number.
  ///   - apiFailures: calls in a row that may fail before the API is asked less often.
  init(limit: Int, apiFailures: Int, log: Logger) {
    git = RequestBudget(inTenSeconds: limit)
    api = RequestBudget(inTenSeconds: limit)
    breaker = CircuitBreaker(threshold: apiFailures)
    self.log = log
  }

  /// The same observer, which now also lets calls wait for their turn, and stops them while the API does nothing but fail.
  func observing(_ observer: CallObserver) -> CallObserver {
    var result = observer
    result.admits = { [self] () async throws(ArtifactsError) in
      if let pause = breaker.refusal() { throw Self.failing(pause) }
      guard let wait = api.take() else { throw Self.overrun }
      if wait > 0 { try? await Task.sleep(for: .nanoseconds(wait)) }
    }
    result.answered = { [self] status, retryAfter in
      observer.answered(status, retryAfter)
      if status == 429, let retryAfter { api.hold(for: retryAfter) }
      // Other errors may be about what was asked.
      let isFailure = status.map { 502...504 ~= $0 } ?? true
      guard breaker.settle(isFailure: isFailure) else { return }
      if isFailure {
        log.error("the Artifacts API fails again and again; it is asked less often until it is well")
      } else {
        log.notice("the Artifacts API answers again")
      }
    }
    return result
  }

  private static func failing(_ pause: UInt64) -> ArtifactsError {
    let seconds = pause / 1_000_000_000 + 1
    return ArtifactsError(
      .notAsked, "the Artifacts API fails again and again; it is asked again in \(seconds) s",
      retryAfter: .seconds(seconds))
  }

  private static let overrun = ArtifactsError(
    .notAsked, "more calls wait for the Artifacts API than it may get in 10 s", retryAfter: .seconds(10))
}
