import EventLoop
import FoundationEssentials
import GatewayTestSupport
import HTTPCore
import HTTPTransport
import Testing

/// In a process of its own, where nobody else opens descriptors.
@Suite(.timeLimit(.minutes(1)))
struct DescriptorTests {
  @Test func `nothing is left open, however exchanges end`() async {
    await #expect(processExitsWith: .success) {
      let count: @Sendable () throws -> Int = {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
      }
      // The first time opens what stays: the runtime's own.
      var before: Int?
      for _ in 0..<6 {
        try await withServer(timeouts: Timeouts(), loops: 2) { running in
          for request in [
            "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "BAD\r\n\r\n", "GET /short HTTP/1.0\r\n\r\n",
            "GET /throws HTTP/1.0\r\n\r\n",
          ] { _ = try? await running.ask(request) }
          let broken = try await running.connect()
          try await broken.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx")
          broken.reset()
          let idle = try await running.connect()
          try await idle.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
          _ = try await idle.receiveMessage()
          _ = await running.server.drain(timeout: .seconds(5))
          idle.close()
        }
        try await Upstream.with { upstream in
          let kept = try await upstream.warmUp()
          let cut = upstream.ask(isReplayable: false)
          _ = try await kept.receiveHead()
          kept.reset()
          _ = await cut.value
          _ = try await upstream.warmUp()
          _ = try? await Connector.connect(to: [.refusing], on: upstream.loop, timeout: .seconds(5)).close()
        }
        // The loops close theirs in a moment of their own.
        let expected = before
        var now = try count()
        for _ in 0..<1_000 where expected.map({ now > $0 }) ?? false {
          await Task.yield()
          try await Task.sleep(for: .milliseconds(1))
          now = try count()
        }
        if let expected { precondition(now <= expected, "\(now) descriptors, not \(expected)") }
        if before == nil {
          try await Task.sleep(for: .milliseconds(50))
          before = try count()
        }
      }
    }
  }
}
