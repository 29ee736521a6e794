import COpenSSL
import Synchronization

/// The certificates that this system trusts, in memory once for the whole process, and only when a connection needs them:
/// Debian's 140 take OpenSSL 25 ms to read, a third of what the gateway's start would take.
///
/// `@unchecked Sendable`: the pointer never changes, and what it points to has its own lock and counts its owners.
final class SystemTrust: @unchecked Sendable {
  static let shared = SystemTrust()

  /// The `X509_STORE`, empty until `read`. Nil when there was no memory for it.
  let store = X509_STORE_new()
  private let hasBeenRead = Atomic<Bool>(false)
  private let reading = Mutex<Task<Void, Never>?>(nil)

  /// Begins to read the certificates, unless that has begun. Does not wait.
  func prepare() {
    if !hasBeenRead.load(ordering: .acquiring) { _ = task() }
  }

  /// Returns when the certificates have been read, which happens on a thread that may block.
  func read() async {
    if !hasBeenRead.load(ordering: .acquiring) { await task().value }
  }

  private func task() -> Task<Void, Never> {
    reading.withLock { reading in
      if let reading { return reading }
      let new = Task.detached {
        // A file that is not there is no error: then nobody is trusted.
        X509_STORE_set_default_paths(self.store)
        ErrorQueue.clear()
        self.hasBeenRead.store(true, ordering: .releasing)
      }
      reading = new
      return new
    }
  }
}
