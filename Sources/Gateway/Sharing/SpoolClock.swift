import EventLoop
import PackCache

/// Looks every ten seconds whether a spool's producer waits for clients that read nothing. Confined to its loop.
final class SpoolClock {
  private static let interval = Duration.seconds(10)
  private let spool: Spool
  private lazy var deadline: Deadline = Deadline(on: loop) { [unowned self] in
    spool.dropStuckReaders()
    deadline.set(after: Self.interval)
  }
  private let loop: Loop

  /// Runs until `stop`, which must be called.
  init(_ spool: Spool, on loop: Loop) {
    self.spool = spool
    self.loop = loop
    deadline.set(after: Self.interval)
  }

  func stop() { deadline.clear() }
}
