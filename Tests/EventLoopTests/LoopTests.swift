import EventLoop
import GatewayTestSupport
import Synchronization
import Testing

/// State of a loop that other threads add to.
private actor Counter {
  private let loop: Loop
  private(set) var count = 0
  private(set) var strayCount = 0

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  init(_ loop: Loop) { self.loop = loop }

  func add() {
    if !loop.isCurrent { strayCount += 1 }
    loop.assertOnLoop()
    count += 1
  }
}

@Suite(.timeLimit(.minutes(1)))
struct LoopTests {
  @Test func `an actor of a loop runs there, whoever calls`() async throws {
    let loop = try Loop(label: "test")
    defer { loop.shutdown() }
    let counter = Counter(loop)
    await withTaskGroup(of: Void.self) { tasks in
      for _ in 0..<50 {
        tasks.addTask { for _ in 0..<100 { await counter.add() } }
      }
    }
    #expect(await counter.count == 5_000)
    #expect(await counter.strayCount == 0)
    #expect(!loop.isCurrent)
  }

  @Test func `a task that prefers a loop comes back to it after every wait`() async throws {
    let other = try Loop(label: "other")
    defer { other.shutdown() }
    let counter = Counter(other)
    try await onLoop { loop in
      for _ in 0..<100 {
        await counter.add()
        #expect(loop.isCurrent)
        await Task.yield()
        #expect(loop.isCurrent)
      }
      async let child = loop.isCurrent
      #expect(await child)
    }
  }

  @Test func `a task that yields lets the others have their turn`() async throws {
    try await onLoop { loop in
      let (first, second) = try Peer.pair(on: loop)
      let isHeard = LoopBound(Box(false))
      let reader = LoopBound(second)
      async let heard: Void = {
        _ = try await reader.value.receive(1)
        isHeard.value.content = true
      }()
      await Task.yield()
      try await first.send("x")
      var turns = 0
      // Never waits for anything, and yet does not keep the reader from its byte.
      while !isHeard.value.content {
        await loop.yield()
        turns += 1
      }
      #expect(turns < 10)
      try await heard
    }
  }

  @Test func `jobs that make jobs do not keep descriptors from being polled`() async throws {
    try await onLoop { loop in
      let (first, second) = try Peer.pair(on: loop)
      let isHeard = LoopBound(Box(false))
      let reader = LoopBound(second)
      async let heard: Void = {
        _ = try await reader.value.receive(1)
        isHeard.value.content = true
      }()
      await Task.yield()
      try await first.send("x")
      while !isHeard.value.content { await Task.yield() }
      try await heard
    }
  }

  @Test func `a job enqueued before the end of a loop is run`() async throws {
    for number in 0..<300 {
      let loop = try Loop(label: "test")
      let task = Task(executorPreference: loop) { number }
      loop.shutdown()
      #expect(await task.value == number)
    }
  }

  @Test func `a job enqueued after the end of a loop is run`() async throws {
    for number in 0..<20 {
      let loop = try Loop(label: "test")
      loop.shutdown()
      #expect(await Task(executorPreference: loop) { number }.value == number)
      let counter = Counter(loop)
      #expect(await counter.count == 0)
    }
  }

  @Test func `a group has as many loops as asked for and knows the least loaded`() async throws {
    let group = try LoopGroup(count: 3)
    defer { group.shutdown() }
    #expect(group.loops.count == 3)
    group.loops[0].load.add(2, ordering: .relaxed)
    group.loops[1].load.add(1, ordering: .relaxed)
    #expect(group.leastLoaded === group.loops[2])
    group.loops[2].load.add(3, ordering: .relaxed)
    #expect(group.leastLoaded === group.loops[1])
  }

  @Test func `a block of the pool comes back`() async throws {
    try await onLoop { loop in
      let blocks = (0..<40).map { _ in loop.buffers.take() }
      #expect(Set(blocks.map { UInt(bitPattern: $0.baseAddress) }).count == 40)
      for block in blocks { loop.buffers.give(block) }
      #expect(loop.buffers.take().count == BufferPool.blockBytes)
    }
  }
}

/// Something that can be changed by several tasks of one loop.
final class Box<Content> {
  var content: Content
  init(_ content: Content) { self.content = content }
}
