import EventLoop
import GitProtocol
import HTTPTransport
import TLS

/// Asks a gateway whether it is ready.
struct ReadinessProbe: Sendable {
  enum Answer: Sendable {
    case ready
    /// One line: why not.
    case notReady(String)
  }

  /// How long each step of one question may take, seconds.
  private static let patience = 5.0
  /// The pauses between questions, seconds: each is twice the one before, up to the last.
  private static let pauses = (first: 0.05, last: 0.5)

  let url: GatewayURL
  /// PEM file of authorities to trust instead of the system's.
  let caFile: String?

  /// Asks until the gateway is ready, for at most `seconds`, and at least once.
  /// - Throws: `TLSError` when `caFile` cannot be used.
  func ask(for seconds: Int, on loop: Loop) async throws(TLSError) -> Answer {
    let end = MonotonicClock.now + UInt64(seconds) * 1_000_000_000
    var pause = Self.pauses.first
    while true {
      let left = Self.left(until: end)
      let answer = try await ask(on: loop, patience: .seconds(left > 0 ? min(left, Self.patience) : Self.patience))
      if case .ready = answer { return answer }
      let rest = Self.left(until: end)
      guard rest > 0 else { return answer }
      try? await Task.sleep(for: .seconds(min(pause, rest)))
      pause = min(2 * pause, Self.pauses.last)
    }
  }

  private static func left(until end: UInt64) -> Double {
    let now = MonotonicClock.now
    return now < end ? Double(end - now) / 1e9 : 0
  }

  private func ask(on loop: Loop, patience: Duration) async throws(TLSError) -> Answer {
    let asked = Task(executorPreference: loop) { () -> Result<Answer, TLSError> in
      do throws(TLSError) {
        return .success(await Self.answer(of: try GatewayClient(url, on: loop, caFile: caFile, patience: patience)))
      } catch {
        return .failure(error)
      }
    }
    return try await asked.value.get()
  }

  private static func answer(of client: GatewayClient) async -> Answer {
    do {
      let response = try await client.get("/readyz")
      if response.status == 200 { return .ready }
      let text = String(decoding: response.body, as: UTF8.self)
      let reasons = text.split(separator: "\n").map { GitError.sanitised(String($0)) }.joined(separator: "; ")
      return .notReady(response.status == 503 ? reasons : "it answered \(response.status): \(reasons)")
    } catch {
      return .notReady("\(error)")
    }
  }
}
