import EventLoop
import PackCache
import Synchronization

/// What the upstream was last seen to advertise of the objects that packs were fetched by, and whom it has just let in.
///
/// A stored pack is served only to a client for whom it let the gateway in on the same connection a moment ago, as every
/// client that asks for refs first is, and only what it advertised of late: then it would have served the pack, too.
final class WantWatch: Sendable {
  /// An object id, read from its hexadecimal digits.
  struct ObjectName: Hashable {
    private var words = SIMD4<UInt64>()

    init(_ digits: some Sequence<UInt8>) {
      var index = 0
      for digit in digits {
        let value = digit < 0x3a ? digit &- 0x30 : (digit | 0x20) &- 0x57
        words[index / 16 & 3] = words[index / 16 & 3] << 4 | UInt64(value & 15)
        index += 1
      }
    }
  }

  private struct Repo {
    /// When a request of each connection was sent that the upstream granted.
    var granted: [UInt64: UInt64] = [:]
    /// The ids looked out for; 0 for one that was not seen yet.
    var seenAt: [ObjectName: UInt64] = [:]

    /// What counts against the limit; one for itself.
    var size: Int { 1 + granted.count + seenAt.count }
  }

  private struct State {
    var repos: [String: Repo] = [:]
    var size = 0
  }

  /// How old the upstream's consent may be when a pack is served without asking again. Between the refs and the pack of one
  /// clone lies less.
  private static let consent: UInt64 = 1_000_000_000
  private static let connectionLimit = 1_024
  /// Ids and connections over all repos; beyond, all are forgotten, which costs questions and nothing else.
  private static let limit = 131_072

  /// Zero asks anew for each pack.
  private let grace: UInt64
  private let state = Mutex(State())

  init(grace: Duration) { self.grace = grace.nanoseconds }

  /// The upstream granted a request of a client's connection that was sent at `time`, which wanted `wants`.
  func granted(_ scope: PackScope, to connection: UInt64, wants: [ArraySlice<UInt8>] = [], at time: UInt64) {
    update(scope) { repo in
      if repo.granted.count >= Self.connectionLimit {
        repo.granted = repo.granted.filter { $0.value + Self.consent > time }
        // More than that many in a second ask again.
        if repo.granted.count >= Self.connectionLimit { repo.granted.removeAll() }
      }
      repo.granted[connection] = time
      for want in wants { repo.seenAt[ObjectName(want)] = time }
    }
  }

  /// Looks out for `wants` from here on.
  func expect(_ wants: [ArraySlice<UInt8>], of scope: PackScope) {
    update(scope) { repo in
      for want in wants where repo.seenAt[ObjectName(want)] == nil { repo.seenAt[ObjectName(want)] = 0 }
    }
  }

  /// Whether there is anything to look out for.
  func isExpecting(_ scope: PackScope) -> Bool {
    state.withLock { !($0.repos[scope.repoID]?.seenAt.isEmpty ?? true) }
  }

  /// The upstream named `ids` in answer to a question that was sent at `time`.
  func saw(_ ids: [ObjectName], of scope: PackScope, at time: UInt64) {
    update(scope) { repo in
      for id in ids {
        if let before = repo.seenAt[id], before < time { repo.seenAt[id] = time }
      }
    }
  }

  /// Whether a pack that is wanted by `wants` may be served without asking the upstream.
  /// - Parameters:
  ///   - connection: the client's.
  ///   - asked: when the client asked for it.
  func isServable(
    _ scope: PackScope, _ wants: [ArraySlice<UInt8>], to connection: UInt64, asked: UInt64
  ) -> Bool {
    let confirmed = grace == 0 ? asked : asked - min(asked, Self.consent)
    let seen = grace == 0 ? asked : asked - min(asked, grace)
    return state.withLock { state in
      guard let repo = state.repos[scope.repoID], let time = repo.granted[connection], time >= confirmed
      else { return false }
      return wants.allSatisfy { want in
        guard let time = repo.seenAt[ObjectName(want)] else { return false }
        return time > 0 && time >= seen
      }
    }
  }

  private func update(_ scope: PackScope, _ change: (inout Repo) -> Void) {
    state.withLock { state in
      if state.size > Self.limit { state = State() }
      let before = state.repos[scope.repoID]?.size ?? 0
      change(&state.repos[scope.repoID, default: Repo()])
      state.size += (state.repos[scope.repoID]?.size ?? 0) - before
    }
  }
}
