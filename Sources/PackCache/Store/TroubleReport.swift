import Synchronization

/// Tells of what goes wrong, once for each kind until it is well again.
final class TroubleReport: Sendable {
  enum Kind: Hashable {
    /// The directory cannot be read or written.
    case directory
    /// The file system is nearly full.
    case space
    /// Writing into a file failed.
    case writing
  }

  private let told = Mutex<Set<Kind>>([])
  private let tell: @Sendable (String) -> Void

  init(_ tell: @escaping @Sendable (String) -> Void) { self.tell = tell }

  func report(_ kind: Kind, _ text: @autoclosure () -> String) {
    if told.withLock({ $0.insert(kind).inserted }) { tell(text()) }
  }

  /// Tells of something that does not last.
  func report(_ text: String) { tell(text) }

  func isWell(_ kind: Kind) {
    told.withLock { _ = $0.remove(kind) }
  }
}
