import EventLoop
import Glibc
import TLS
import Testing

/// Tasks that wait for the same direction of a channel, on the loop.
private actor Waiters {
  private let loop: Loop
  private var channel: Channel?
  private var waits: DirectionWaits?

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  init(_ loop: Loop) { self.loop = loop }

  func open(_ descriptor: CInt) throws {
    let channel = try Channel(OwnedDescriptor(owning: descriptor), on: loop)
    // A channel counts as readable until a read found it empty.
    var byte: [UInt8] = [0]
    let result = try byte.withUnsafeMutableBytes { try channel.read(into: $0) }
    #expect(result == .wouldBlock)
    self.channel = channel
    waits = DirectionWaits(channel)
  }

  /// Nil when the direction got on.
  func wait(for idle: Duration = .seconds(20)) async -> ChannelError? {
    do throws(ChannelError) {
      try await waits?.wait(.reading, for: idle)
      return nil
    } catch { return error }
  }

  func close() { channel?.close() }

}

@Suite(.timeLimit(.minutes(1)))
struct DirectionWaitsTests {
  /// The other end of the socket pair is the number that `body` gets.
  private func open(_ body: (Waiters, CInt) async throws -> Void) async throws {
    let loop = try Loop(label: "tls-tests")
    defer { loop.shutdown() }
    let waiters = Waiters(loop)
    let pair = try Socket.pair()
    let numbers = pair.release()
    defer { _ = Glibc.close(numbers.1) }
    try await waiters.open(numbers.0)
    do { try await body(waiters, numbers.1) } catch {
      await waiters.close()
      throw error
    }
    await waiters.close()
  }

  @Test func `two tasks that need one direction both get on`() async throws {
    try await open { waiters, peer in
      async let first = waiters.wait()
      async let second = waiters.wait()
      #expect(write(peer, "x", 1) == 1)
      #expect(await first == nil)
      #expect(await second == nil)
    }
  }

  @Test func `each of two tasks has its own time-out`() async throws {
    try await open { waiters, _ in
      async let first = waiters.wait(for: .milliseconds(30))
      async let second = waiters.wait(for: .milliseconds(30))
      // The end of one wait lets the other try again, which counts as getting on.
      let ends = await [first, second]
      #expect(ends.contains(.timedOut))
      #expect(ends.allSatisfy { $0 == nil || $0 == .timedOut })
    }
  }

  @Test func `closing wakes two tasks`() async throws {
    try await open { waiters, _ in
      async let first = waiters.wait()
      async let second = waiters.wait()
      await waiters.close()
      #expect(await first == .closed)
      #expect(await second == .closed)
    }
  }
}
