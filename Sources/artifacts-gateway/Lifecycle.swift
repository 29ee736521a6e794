import EventLoop
import Glibc

/// Signals turned into one orderly end: the first SIGTERM or SIGINT begins it, the second cuts it short.
actor Lifecycle {
  private let loop: Loop
  private var watch: SignalWatch?
  private var count = 0
  private var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  init(on loop: Loop) { self.loop = loop }

  /// Begins to watch. A reader of our output that went away must not end us either.
  func start() throws {
    signal(SIGPIPE, SIG_IGN)
    watch = try SignalWatch([SIGTERM, SIGINT], on: loop) { [weak self] _ in
      self?.assumeIsolated { $0.signalled() }
    }
  }

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
