import EventLoop
import Synchronization

/// Where the access configuration is read anew from.
package struct AccessSource: Sendable {
  package let path: String
  /// Reads the file, and checks it as at the start.
  package let read: @Sendable () throws(AccessFileError) -> AccessConfiguration

  package init(path: String, read: @escaping @Sendable () throws(AccessFileError) -> AccessConfiguration) {
    self.path = path
    self.read = read
  }
}

/// The access configuration in effect, shared by all loops. It follows its files: the access file itself, and those that it
/// names. Files that do not load change nothing.
final class AccessStore: Sendable {
  /// Makes what tells whose the signed tokens of some providers are, out of what did so before.
  typealias VerifierSource =
    @Sendable (_ providers: [OIDCIssuer], _ before: (any BearerVerifier)?) throws(AccessFileError) ->
    (any BearerVerifier)?

  private struct State {
    var snapshot: AccessSnapshot
    var source: AccessSource?
    var stamps: [FileStamp?]
  }

  /// How often the files are looked at, as requests come.
  private static let interval: UInt64 = 1_000_000_000

  private let state: Mutex<State>
  private let changes = Atomic<UInt64>(1)
  /// Monotonic nanoseconds.
  private let nextLook = Atomic<UInt64>(0)
  private let onReload: @Sendable (Result<AccessConfiguration, AccessFileError>) -> Void
  private let makeVerifier: VerifierSource

  /// - Parameters:
  ///   - source: nil reads only the files that the configuration names anew.
  ///   - onReload: told of each change of the files: what is in effect from now on, or why they are not and the old ones go on.
  init(
    _ configuration: AccessConfiguration, source: AccessSource?, makeVerifier: @escaping VerifierSource,
    onReload: @escaping @Sendable (Result<AccessConfiguration, AccessFileError>) -> Void
  ) throws(AccessFileError) {
    self.onReload = onReload
    self.makeVerifier = makeVerifier
    // Looked at first: a change during the reading is then seen as one.
    let stamps = Self.stamps(configuration, source)
    let snapshot = try AccessSnapshot(configuration) { () throws(AccessFileError) in
      try makeVerifier(configuration.providers, nil)
    }
    state = Mutex(State(snapshot: snapshot, source: source, stamps: stamps))
  }

  /// Counts the changes: what was found out before one may hold no more.
  var generation: UInt64 { changes.load(ordering: .acquiring) }

  var snapshot: AccessSnapshot { state.withLock { $0.snapshot } }

  /// What the listener that was configured with an address takes, in the order of the sources; empty when nobody is asked.
  func accepted(on address: SocketAddress) -> [Identity.Source] {
    let snapshot = snapshot
    guard let authentication = snapshot.configuration.authentication else { return [] }
    let accepted = authentication.accepted(on: address, isVerifying: snapshot.verifier != nil)
    return Identity.Source.allCases.filter { accepted.contains($0) }
  }

  /// Puts another configuration in the place of that before.
  /// - Throws: when one of its files does not load; nothing has changed then.
  func set(_ configuration: AccessConfiguration, source: AccessSource?) throws(AccessFileError) {
    try state.withLock { (state) throws(AccessFileError) in
      let stamps = Self.stamps(configuration, source)
      let snapshot = try self.snapshot(configuration, after: state.snapshot)
      state = State(snapshot: snapshot, source: source, stamps: stamps)
    }
    changes.add(1, ordering: .releasing)
  }

  /// Looks at the files if nobody has for a second, and takes up what has changed before it returns: a token that was taken
  /// out is refused by the request that finds it out. A few calls of stat(2) a second, whatever the load.
  /// - Parameter now: monotonic nanoseconds.
  func look(at now: UInt64) {
    let next = nextLook.load(ordering: .relaxed)
    guard now >= next,
      nextLook.compareExchange(expected: next, desired: now + Self.interval, ordering: .relaxed).exchanged
    else { return }
    let outcome: Result<AccessConfiguration, AccessFileError>? = state.withLock { state in
      let stamps = Self.stamps(state.snapshot.configuration, state.source)
      guard stamps != state.stamps else { return nil }
      // Kept even if they do not load: told once, not every second.
      state.stamps = stamps
      do throws(AccessFileError) {
        let configuration = try state.source?.read() ?? state.snapshot.configuration
        // It may name other files than before.
        let newStamps = Self.stamps(configuration, state.source)
        state.snapshot = try snapshot(configuration, after: state.snapshot)
        state.stamps = newStamps
        changes.add(1, ordering: .releasing)
        return .success(configuration)
      } catch {
        return .failure(error)
      }
    }
    if let outcome { onReload(outcome) }
  }

  private func snapshot(
    _ configuration: AccessConfiguration, after before: AccessSnapshot
  ) throws(AccessFileError) -> AccessSnapshot {
    try AccessSnapshot(configuration) { () throws(AccessFileError) in
      try makeVerifier(configuration.providers, before.verifier)
    }
  }

  private static func stamps(_ configuration: AccessConfiguration, _ source: AccessSource?) -> [FileStamp?] {
    ([source?.path].compactMap { $0 } + AccessSnapshot.files(of: configuration)).map { FileStamp($0) }
  }
}
