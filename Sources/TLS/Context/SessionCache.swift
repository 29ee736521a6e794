import COpenSSL
import Synchronization

/// Sessions of earlier connections that later ones to the same server can resume.
///
/// TLS 1.3 tickets are given out once (RFC 8446, C.4); a TLS 1.2 session serves until a newer one takes its place.
/// Bounded to 1,024 sessions, of which 8 for one key.
final class SessionCache: Sendable {
  static let capacity = 1_024
  private static let capacityPerKey = 8

  /// One `SSL_SESSION` that no `SSL` uses. OpenSSL changes sessions that are in use, when a connection breaks for one;
  /// so copies go in and out.
  ///
  /// `@unchecked Sendable`: nothing writes to the session between the two copies, and the reference count is atomic.
  final class Session: @unchecked Sendable {
    let pointer: OpaquePointer

    init?(copying session: OpaquePointer) {
      guard let copy = SSL_SESSION_dup(session) else { return nil }
      pointer = copy
    }

    deinit { SSL_SESSION_free(pointer) }

    var isSingleUse: Bool { SSL_SESSION_get_protocol_version(pointer) >= TLS1_3_VERSION }
  }

  private struct State {
    /// Newest last. No list is empty.
    var sessions: [String: [Session]] = [:]
    var count = 0
  }

  private let state = Mutex(State())

  /// How many sessions are kept.
  var count: Int { state.withLock { $0.count } }

  /// Keeps a copy of `session`, which stays the caller's.
  func store(_ session: OpaquePointer, for key: String) {
    guard SSL_SESSION_is_resumable(session) == 1, let copy = Session(copying: session) else { return }
    let isSingleUse = copy.isSingleUse
    state.withLock { state in
      if !isSingleUse { state.count -= state.sessions.removeValue(forKey: key)?.count ?? 0 }
      if let kept = state.sessions[key]?.count, kept >= Self.capacityPerKey {
        state.sessions[key]?.removeFirst()
        state.count -= 1
      }
      // Any other server's sessions may go: losing them costs that server one full handshake.
      if state.count >= Self.capacity, let other = state.sessions.keys.first(where: { $0 != key }) {
        state.count -= state.sessions.removeValue(forKey: other)?.count ?? 0
      }
      state.sessions[key, default: []].append(copy)
      state.count += 1
    }
  }

  /// A session for one new connection to the server that `key` stands for, or nil.
  func take(for key: String) -> Session? {
    state.withLock { state in
      guard let newest = state.sessions[key]?.last else { return nil }
      guard newest.isSingleUse else { return Session(copying: newest.pointer) }
      state.sessions[key]?.removeLast()
      if state.sessions[key]?.isEmpty == true { state.sessions[key] = nil }
      state.count -= 1
      return newest
    }
  }
}
