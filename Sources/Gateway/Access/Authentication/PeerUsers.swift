import Dispatch
import EventLoop
import Glibc
import Synchronization

/// The names of users of this machine. Looked up off the loops, since the system may ask a directory in the network, and
/// remembered for five minutes.
final class PeerUsers: Sendable {
  private struct Entry {
    let name: String
    /// Monotonic nanoseconds.
    let end: UInt64
  }

  /// Names remembered at most.
  private static let limit = 1024
  private static let lifetime: UInt64 = 300_000_000_000

  private let known = Mutex<[UInt32: Entry]>([:])
  private let queue = DispatchQueue(label: "users")

  /// The user's name, or `uid:1000` when he has none.
  func name(of user: UInt32) async -> String {
    let now = MonotonicClock.now
    if let entry = known.withLock({ $0[user] }), now < entry.end { return entry.name }
    let name = await withCheckedContinuation { continuation in
      queue.async { continuation.resume(returning: Self.lookUp(user) ?? "uid:\(user)") }
    }
    known.withLock { known in
      if known.count >= Self.limit { known.removeAll() }
      known[user] = Entry(name: name, end: now + Self.lifetime)
    }
    return name
  }

  private static func lookUp(_ user: UInt32) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16_384) { buffer in
      var entry = passwd()
      var found: UnsafeMutablePointer<passwd>?
      // What the entry points to lies in the buffer; the name is copied out of it.
      guard let memory = buffer.baseAddress, getpwuid_r(user, &entry, memory, buffer.count, &found) == 0, found != nil
      else { return nil }
      let name = String(cString: entry.pw_name)
      let isPrintable = !name.unicodeScalars.contains { $0.properties.generalCategory == .control }
      return name.isEmpty || !isPrintable ? nil : name
    }
  }
}
