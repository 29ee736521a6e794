import EventLoop
import Synchronization

/// Counts wrong credentials by the address, or the network of IPv6, that they come from: ten within a minute, then nothing that has to be checked is
/// looked at until the minute is over. Programs behind one Unix socket are not told apart, and are exempt.
final class FailureLimiter: Sendable {
  private struct Window {
    /// Monotonic nanoseconds.
    var since: UInt64
    var count = 0
  }

  /// Two halves: when the newer is full it becomes the older, and what nobody has asked for since goes.
  private struct State {
    var newer: [SocketAddress: Window] = [:]
    var older: [SocketAddress: Window] = [:]
  }

  private static let limit = 10
  private static let span: UInt64 = 60_000_000_000
  /// Clients remembered at most in each half.
  private static let halfLimit = 2048

  private let state = Mutex(State())

  /// How long credentials from this address are not looked at, seconds; nil when they are.
  /// - Parameter now: monotonic nanoseconds.
  func secondsLeft(for address: SocketAddress, at now: UInt64) -> Int? {
    guard address.port != nil else { return nil }
    let client = address.client
    return state.withLock { state in
      guard let window = state.newer[client] ?? state.older[client], window.count >= Self.limit,
        now < window.since + Self.span
      else { return nil }
      return Int((window.since + Self.span - now + 999_999_999) / 1_000_000_000)
    }
  }

  /// Counts wrong credentials.
  func note(_ address: SocketAddress, at now: UInt64) {
    guard address.port != nil else { return }
    let client = address.client
    state.withLock { state in
      var window = state.newer[client] ?? state.older[client] ?? Window(since: now)
      if now >= window.since + Self.span { window = Window(since: now) }
      window.count = min(window.count + 1, Self.limit)
      if state.newer[client] == nil, state.newer.count >= Self.halfLimit {
        state.older = state.newer
        state.newer = [:]
      }
      state.newer[client] = window
    }
  }

  /// Clients remembered.
  var count: Int { state.withLock { $0.newer.count + $0.older.count } }
}
