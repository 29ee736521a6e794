import EventLoop
import Synchronization

/// A server context that follows its files: once they have changed, new connections get the new certificate, and running ones
/// keep theirs.
package final class ReloadingServerContext: Sendable {
  private struct State {
    var context: TLSServerContext
    var stamps: [FileStamp?]
    /// Monotonic nanoseconds.
    var nextLook: UInt64
  }

  private let files: TLSServerFiles
  private let applicationProtocols: [String]
  private let interval: Duration
  private let onReload: @Sendable (TLSError?) -> Void
  private let state: Mutex<State>

  /// - Parameters:
  ///   - interval: the files are looked at this often, as connections come.
  ///   - onReload: told of each change: nil when the new files are in use, else why they are not and the old ones go on.
  /// - Throws: `.configuration` naming the file that is wrong.
  package init(
    _ files: TLSServerFiles, applicationProtocols: [String], interval: Duration = .seconds(1),
    onReload: @escaping @Sendable (TLSError?) -> Void
  ) throws(TLSError) {
    self.files = files
    self.applicationProtocols = applicationProtocols
    self.interval = interval
    self.onReload = onReload
    // Looked at first: a change during the reading is then seen as one.
    let stamps = files.all.map { FileStamp($0) }
    let context = try Self.load(files, applicationProtocols)
    state = Mutex(State(context: context, stamps: stamps, nextLook: MonotonicClock.now + interval.nanoseconds))
  }

  /// The context for the next connection.
  package var current: TLSServerContext {
    state.withLock { state in
      let now = MonotonicClock.now
      guard now >= state.nextLook else { return state.context }
      state.nextLook = now + interval.nanoseconds
      let stamps = files.all.map { FileStamp($0) }
      guard stamps != state.stamps else { return state.context }
      // Kept even if they do not load: told once, not with every connection.
      state.stamps = stamps
      do throws(TLSError) {
        state.context = try Self.load(files, applicationProtocols)
        onReload(nil)
      } catch {
        onReload(error)
      }
      return state.context
    }
  }

  private static func load(_ files: TLSServerFiles, _ protocols: [String]) throws(TLSError) -> TLSServerContext {
    try TLSServerContext(
      certificateFile: files.certificate, keyFile: files.key, applicationProtocols: protocols,
      clientAuthoritiesFile: files.clientAuthorities)
  }
}
