package import GitProtocol
import Synchronization

/// One fetch that is being asked of the upstream, with everybody who waits for the same answer.
///
/// Its leader takes the request upstream and appends what a cache keeps of the answer to the spool; followers read from
/// there. The leader's client may leave: the flight goes on while a follower is there.
package final class PackFlight: Sendable {
  package let key: PackKey
  package let scope: PackScope
  package let request: FetchRequest
  package let answer = SharedAnswer()
  /// The key was asked for before.
  private let isRepeated: Bool
  private let landing = Mutex<Landing>(.under)

  private enum Landing {
    case under
    /// Whole; so many bytes stand before the pack.
    case landed(preludeBytes: Int)
    case stored
  }

  init(_ key: PackKey, _ scope: PackScope, _ request: FetchRequest, isRepeated: Bool) {
    self.key = key
    self.scope = scope
    self.request = request
    self.isRepeated = isRepeated
  }

  package var spool: Spool { answer.spool }

  /// Whether the answer goes to the store.
  package var isKept: Bool { isRepeated || answer.isShared }

  /// The whole answer has come.
  package var hasLanded: Bool {
    landing.withLock { if case .under = $0 { false } else { true } }
  }

  func land(preludeBytes: Int) { landing.withLock { $0 = .landed(preludeBytes: preludeBytes) } }

  /// Says once, when it has landed and is to be kept, how many bytes stand before its pack.
  func takeForStore() -> Int? {
    guard isKept else { return nil }
    return landing.withLock { landing in
      guard case .landed(let preludeBytes) = landing else { return nil }
      landing = .stored
      return preludeBytes
    }
  }
}
