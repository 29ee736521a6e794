import EventLoop
import GatewayTestSupport
import Glibc
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ChannelTests {
  /// A connected pair, closed afterwards: over a Unix socket, or over TCP.
  private func withPair(
    tcp: Bool = false, _ body: @escaping @Sendable (Peer, Peer) async throws -> Void
  ) async throws {
    try await onLoop { loop in
      guard tcp else {
        let (first, second) = try Peer.pair(on: loop)
        return try await body(first, second)
      }
      let listening = try Listening(on: loop)
      defer { listening.close() }
      let first = try await Peer.connect(to: listening.address, on: loop)
      try await body(first, await listening.next())
    }
  }

  @Test(arguments: [false, true])
  func `bytes go both ways`(_ tcp: Bool) async throws {
    try await withPair(tcp: tcp) { first, second in
      #expect(try second.readOnce() == .wouldBlock)
      try await first.send("hello")
      #expect(try await second.receiveText(5) == "hello")
      try await second.send("you")
      #expect(try await first.receiveText(3) == "you")
    }
  }

  @Test(arguments: [1, 2, 3, 5, 64], [false, true])
  func `the end is seen whatever the reads' size`(_ limit: Int, _ tcp: Bool) async throws {
    try await withPair(tcp: tcp) { first, second in
      first.patience = .seconds(5)
      try await second.send("hello")
      second.close()
      var count = 0
      while count < 5 {
        switch try first.readOnce(limit) {
        case .bytes(let got): count += got
        case .wouldBlock: try await first.channel.waitUntilReadable(for: .seconds(5))
        case .endOfStream: break
        }
      }
      #expect(try await first.receiveToEnd() == "hello")
      // Once at the end, always there.
      #expect(try first.readOnce() == .endOfStream)
    }
  }

  @Test(arguments: [false, true])
  func `one direction may end before the other`(_ tcp: Bool) async throws {
    try await withPair(tcp: tcp) { first, second in
      try await first.send("question")
      first.channel.closeWriting()
      #expect(try await second.receiveToEnd() == "question")
      #expect(!second.channel.isHungUp)
      try await second.send("answer")
      second.close()
      #expect(try await first.receiveToEnd() == "answer")
    }
  }

  /// What `whenReadable` tells.
  private func told(_ peer: Peer, within idle: Duration) -> AsyncStream<Bool> {
    AsyncStream { telling in peer.channel.whenReadable(within: idle) { telling.yield($0) } }
  }

  @Test func `who waits without a task is told of bytes, of the end of his time, and of the close`() async throws {
    try await withPair { first, second in
      #expect(try second.readOnce() == .wouldBlock)
      #expect(!second.channel.hasInput)
      var answers = self.told(second, within: .seconds(30)).makeAsyncIterator()
      try await first.send("hello")
      #expect(await answers.next() == true)
      #expect(second.channel.hasInput)
      // At once, while there is something to read.
      answers = self.told(second, within: .seconds(30)).makeAsyncIterator()
      #expect(await answers.next() == true)
      #expect(try await second.receiveText(5) == "hello")
      #expect(!second.channel.hasInput)
      answers = self.told(second, within: .milliseconds(20)).makeAsyncIterator()
      #expect(await answers.next() == false)
      answers = self.told(second, within: .seconds(30)).makeAsyncIterator()
      second.close()
      #expect(await answers.next() == false)
      answers = self.told(second, within: .seconds(30)).makeAsyncIterator()
      #expect(await answers.next() == false)
    }
  }

  @Test func `a reset is an error for both directions, and a hang-up`() async throws {
    try await withPair(tcp: true) { first, second in
      var hangUps = 0
      first.channel.onHangUp = { hangUps += 1 }
      let before = try first.readOnce()
      #expect(before == .wouldBlock)
      second.reset()
      await #expect(throws: ChannelError.system(SystemError("recv", ECONNRESET))) { try await first.receive(1) }
      #expect(first.channel.isHungUp)
      #expect(hangUps == 1)
      await #expect(throws: ChannelError.system(SystemError("send", EPIPE))) { try await first.send("x") }
    }
  }

  @Test func `a peer that is gone wakes a waiting writer`() async throws {
    try await withPair { first, second in
      while try first.channel.write(Array(repeating: 0, count: 65_536)) != .wouldBlock {}
      let writer = LoopBound(first)
      async let end = failure { try await writer.value.send("x") }
      await Task.yield()
      second.close()
      #expect(await end == .system(SystemError("send", EPIPE)))
    }
  }

  @Test(arguments: [false, true])
  func `a full socket blocks the writer until the reader has gone on`(_ tcp: Bool) async throws {
    try await withPair(tcp: tcp) { first, second in
      let block = [UInt8](repeating: 7, count: 50_000)
      var sent = 0
      while case .bytes(let count) = try first.channel.write(block) { sent += count }
      #expect(try first.channel.write([1]) == .wouldBlock)
      await #expect(throws: ChannelError.timedOut) {
        try await first.channel.waitUntilWritable(for: .milliseconds(20))
      }
      let writer = LoopBound(first)
      async let rest: Void = writer.value.send("end")
      #expect(try await second.receive(sent) == Array(repeating: 7, count: sent))
      #expect(try await second.receiveText(3) == "end")
      try await rest
    }
  }

  @Test func `a wait that goes on for too long ends, and the next may succeed`() async throws {
    try await withPair { first, second in
      let loop = first.channel.loop
      #expect(try first.readOnce() == .wouldBlock)
      let start = loop.now
      await #expect(throws: ChannelError.timedOut) {
        try await first.channel.waitUntilReadable(for: .milliseconds(30))
      }
      #expect(loop.now - start >= 30_000_000)
      try await second.send("x")
      #expect(try await first.receiveText(1) == "x")
    }
  }

  @Test func `each wait has its whole time`() async throws {
    try await withPair { first, second in
      // The second wait begins when most of the first one's time has gone.
      let loop = first.channel.loop
      #expect(try first.readOnce() == .wouldBlock)
      async let sent: Void = {
        await withUnsafeContinuation { done in
          let deadline = Deadline(on: loop) { done.resume() }
          deadline.set(after: .milliseconds(40))
        }
      }()
      let writer = LoopBound(second)
      async let x: Void = writer.value.send("x")
      _ = try await first.receive(1)
      try await x
      await sent
      let start = loop.now
      await #expect(throws: ChannelError.timedOut) {
        try await first.channel.waitUntilReadable(for: .milliseconds(60))
      }
      #expect(loop.now - start >= 60_000_000)
    }
  }

  @Test func `closing wakes whoever waits`() async throws {
    try await withPair { first, second in
      while case .bytes = try first.channel.write(Array(repeating: 0, count: 65_536)) {}
      #expect(try first.readOnce() == .wouldBlock)
      let channel = LoopBound(first.channel)
      async let reading = failure { try await channel.value.waitUntilReadable(for: .seconds(20)) }
      async let writing = failure { try await channel.value.waitUntilWritable(for: .seconds(20)) }
      await Task.yield()
      first.close()
      first.close()
      #expect(await reading == .closed)
      #expect(await writing == .closed)
      #expect(!first.channel.isOpen)
      #expect(throws: ChannelError.closed) { try first.readOnce() }
      #expect(throws: ChannelError.closed) { try first.channel.write([1]) }
      await #expect(throws: ChannelError.closed) { try await first.channel.waitUntilReadable(for: .seconds(20)) }
    }
  }

  @Test func `a loop counts its open channels`() async throws {
    try await onLoop { loop in
      #expect(loop.load.load(ordering: .relaxed) == 0)
      let (first, second) = try Peer.pair(on: loop)
      #expect(loop.load.load(ordering: .relaxed) == 2)
      first.close()
      first.close()
      second.close()
      #expect(loop.load.load(ordering: .relaxed) == 0)
    }
  }
}

/// What `body` ends with; nil when all went well.
private func failure(_ body: @Sendable () async throws -> Void) async -> ChannelError? {
  do {
    try await body()
    return nil
  } catch {
    return error as? ChannelError
  }
}

extension Channel {
  func write(_ bytes: [UInt8]) throws(ChannelError) -> IOResult {
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { block.deallocate() }
    block.copyBytes(from: bytes)
    return try write(UnsafeRawBufferPointer(block))
  }
}

/// A channel of a loop, used by tasks that prefer no executor or another one.
private actor Holder {
  private let loop: Loop
  private var channel: Channel?

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  init(_ loop: Loop) { self.loop = loop }

  func open(_ descriptor: CInt) throws { channel = try Channel(OwnedDescriptor(owning: descriptor), on: loop) }

  func close() { channel?.close() }

  /// Waits while a job that closes the channel stands in the queue already.
  func wait(_ isReading: Bool) async throws -> ChannelError? {
    guard let channel else { return nil }
    if isReading {
      _ = try withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) { try channel.read(into: $0) }
    } else {
      while case .bytes = try channel.write(Array(repeating: 0, count: 65_536)) {}
    }
    Task { self.close() }
    do throws(ChannelError) {
      if isReading {
        try await channel.waitUntilReadable(for: .seconds(20))
      } else {
        try await channel.waitUntilWritable(for: .seconds(20))
      }
      return nil
    } catch { return error }
  }
}

@Suite(.timeLimit(.minutes(1)))
struct ForeignTaskTests {
  @Test(arguments: [true, false])
  func `what happens while a wait begins is not missed`(_ isReading: Bool) async throws {
    let loop = try Loop(label: "test")
    defer { loop.shutdown() }
    let holder = Holder(loop)
    let pair = try Socket.pair()
    let number = pair.first.release()
    try await holder.open(number)
    // This task does not prefer the loop, so it is suspended by every await in there.
    #expect(try await holder.wait(isReading) == .closed)
    await holder.close()
  }
}
