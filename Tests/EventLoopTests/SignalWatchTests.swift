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
        var seen: [CInt] = []
        var watch: SignalWatch?
        try await withUnsafeThrowingContinuation { (done: UnsafeContinuation<Void, any Error>) in
          do {
            watch = try SignalWatch([SIGTERM, SIGINT, SIGHUP], on: loop) { number in
              loop.assertOnLoop()
              seen.append(number)
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
        precondition(Set(seen) == [SIGTERM, SIGINT, SIGHUP], "\(seen)")
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
