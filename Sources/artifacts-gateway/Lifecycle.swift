import EventLoop
import Glibc

/// Signals turned into one orderly end: the first SIGTERM or SIGINT begins it, the second cuts it short. A SIGHUP that
/// somebody sent asks for the configuration to be reread; one that came because the terminal hung up is an end.
actor Lifecycle {
  private let loop: Loop
  private var watch: SignalWatch?
  private var count = 0
  private var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  init(on loop: Loop) { self.loop = loop }

  /// Begins to watch. A reader of our output that went away must not end us either.
  /// - Parameter onReload: called on SIGHUP. Without it, that signal does what it does elsewhere.
  func start(onReload: (@Sendable () -> Void)? = nil) throws {
    signal(SIGPIPE, SIG_IGN)
    let survivesHangup = SignalWatch.isIgnored(SIGHUP)
    watch = try SignalWatch([SIGTERM, SIGINT] + (onReload == nil ? [] : [SIGHUP]), on: loop) { [weak self] signal in
      if signal.number != SIGHUP {
        self?.assumeIsolated { $0.signalled() }
      } else if !signal.isFromKernel {
        onReload?()
      } else if !survivesHangup {
        self?.assumeIsolated { $0.end() }
      }
    }
  }

  /// Begins the orderly end, unless it has begun.
  func end() { if count == 0 { signalled() } }

  /// Returns once `number` signals to end have come.
  func signals(_ number: Int) async {
    await withCheckedContinuation { waiter in
      if count >= number { waiter.resume() } else { waiting.append((number, waiter)) }
    }
  }

  private func signalled() {
    count += 1
    for waiter in waiting where waiter.count <= count { waiter.continuation.resume() }
    waiting.removeAll { $0.count <= count }
  }
}
