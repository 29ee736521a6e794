import Synchronization
import TLS

/// How each reload ended: nil for well, else the reason.
final class Outcomes: Sendable {
  private let list = Mutex<[String?]>([])

  func add(_ error: TLSError?) {
    let text = error.map { "\($0)" }
    list.withLock { $0.append(text) }
  }

  var all: [String?] { list.withLock { $0 } }
}
