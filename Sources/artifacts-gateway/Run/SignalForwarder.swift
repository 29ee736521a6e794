import EventLoop
import Glibc

/// Passes the signals that ask this process to do something on to the command that it runs.
///
/// Those that come before the command runs are kept for it; those that come after its end hurry this process's own. What a
/// terminal sends on a key, or when it hangs up, it sends to the command, too: that is not passed on.
actor SignalForwarder {
  private enum Phase {
    case waiting([CInt])
    case running(pid_t)
    case over
  }

  private static let signals = [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2]

  private let loop: Loop
  private var watch: SignalWatch?
  private var phase = Phase.waiting([])
  private var isHurried = false
  private var hurried: CheckedContinuation<Void, Never>?

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  init(on loop: Loop) { self.loop = loop }

  /// Begins to watch. What this process was started to ignore stays ignored, by the command as well.
  /// - Returns: the signals that this process has begun to ignore and the command must not.
  func start() throws -> [CInt] {
    let ownIgnored = SignalWatch.isIgnored(SIGPIPE) ? [] : [SIGPIPE]
    // A reader of our log that went away must not end us.
    signal(SIGPIPE, SIG_IGN)
    watch = try SignalWatch(Self.signals.filter { !SignalWatch.isIgnored($0) }, on: loop) { [weak self] signal in
      self?.assumeIsolated { $0.take(signal) }
    }
    return ownIgnored
  }

  /// From here on the command gets what comes.
  func forward(to child: pid_t) {
    if case .waiting(let early) = phase { for signal in early { kill(child, signal) } }
    phase = .running(child)
  }

  /// The command has ended.
  func stopForwarding() { phase = .over }

  /// Returns once a signal to end has come after the command's end.
  func hurry() async {
    await withCheckedContinuation { waiter in
      if isHurried { waiter.resume() } else { hurried = waiter }
    }
  }

  private func take(_ signal: ReceivedSignal) {
    switch phase {
    case .waiting(let early): phase = .waiting(early + [signal.number])
    case .running(let child): if !signal.isFromKernel { kill(child, signal.number) }
    case .over:
      guard signal.number == SIGTERM || signal.number == SIGINT else { return }
      isHurried = true
      hurried?.resume()
      hurried = nil
    }
  }
}
