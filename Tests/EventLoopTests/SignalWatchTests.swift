import EventLoop
import GatewayTestSupport
import Glibc
import Testing

/// Each in a process of its own, whose handlers it changes.
@Suite
struct SignalWatchTests {
  @Test func `signals come as events, in order, on the loop`() async {
    await #expect(processExitsWith: .success) {
      try await onLoop { loop in
        var seen: [ReceivedSignal] = []
        var watch: SignalWatch?
        try await withUnsafeThrowingContinuation { (done: UnsafeContinuation<Void, any Error>) in
          do {
            watch = try SignalWatch([SIGTERM, SIGINT, SIGHUP], on: loop) { signal in
              loop.assertOnLoop()
              seen.append(signal)
              if seen.count == 3 { done.resume() }
            }
            // Right after: nothing is lost.
            kill(getpid(), SIGTERM)
            kill(getpid(), SIGHUP)
            kill(getpid(), SIGINT)
          } catch {
            done.resume(throwing: error)
          }
        }
        withExtendedLifetime(watch) {}
        let expected = [SIGTERM, SIGINT, SIGHUP].map { ReceivedSignal($0) }
        precondition(Set(seen) == Set(expected), "\(seen)")
      }
    }
  }

  @Test func `other signals do what they did`() async {
    await #expect(processExitsWith: .signal(SIGUSR1)) {
      try await onLoop { loop in
        _ = try SignalWatch([SIGTERM], on: loop) { _ in }
        kill(getpid(), SIGUSR1)
        while true { await loop.yield() }
      }
    }
  }
}
