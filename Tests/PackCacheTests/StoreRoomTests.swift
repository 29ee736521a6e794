import GatewayTestSupport
import Glibc
import PackCache
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct StoreRoomTests {
  private let limit = 1 << 20
  private let lowWater = (1 << 20) * 9 / 10
  private let size = 100_000

  private func fill(_ store: PackStore, _ numbers: ClosedRange<UInt64>, _ clock: ManualClock) async throws {
    for number in numbers {
      clock.advance(seconds: 100)
      try await store.put(.number(number), Answer(number: number, size: size))
    }
  }

  private func there(_ numbers: ClosedRange<UInt64>, in folder: String) -> [UInt64] {
    numbers.filter { access(path(of: .number($0), in: folder), F_OK) == 0 }
  }

  @Test func `above the limit what was used longest ago goes, until a tenth is free`() async throws {
    try await withTemporaryFolder { folder in
      let clock = ManualClock()
      let store = try PackStore(in: folder, limit: limit, clock: clock)
      var number: UInt64 = 0
      var before = 0
      repeat {
        before = store.statistics.bytes
        number += 1
        try await fill(store, number...number, clock)
      } while store.statistics.bytes > before
      #expect(before > lowWater - 2 * size && before <= limit)
      #expect(store.statistics.bytes <= lowWater && store.statistics.bytes > lowWater - 2 * size)
      let left = there(1...number, in: folder)
      #expect(left.count == store.statistics.entries)
      #expect(left == Array((number - UInt64(left.count) + 1)...number))
    }
  }

  @Test func `a use keeps an entry, and what goes stays readable to its readers`() async throws {
    try await withTemporaryFolder { folder in
      let clock = ManualClock()
      let store = try PackStore(in: folder, limit: limit, clock: clock)
      try await fill(store, 1...5, clock)
      let going = try #require(await store.find(.number(2)))
      clock.advance(seconds: 1)
      #expect(await store.find(.number(1)) != nil)
      try await fill(store, 6...13, clock)
      #expect(there(1...5, in: folder) == [1])
      #expect(try going.body == Answer(number: 2, size: size).body)
      #expect(await store.find(.number(2)) == nil)
    }
  }

  @Test func `the order of use outlives a restart`() async throws {
    try await withTemporaryFolder { folder in
      let clock = ManualClock()
      try await {
        let store = try PackStore(in: folder, limit: limit, clock: clock)
        try await fill(store, 1...5, clock)
        clock.advance(seconds: 100)
        #expect(await store.find(.number(3)) != nil)
        await store.settle()
      }()
      let order: [UInt64] = [2, 4, 5, 3, 1]
      let store = try PackStore(in: folder, limit: limit, clock: clock)
      // Reading an entry for the first time is a use like any other.
      clock.advance(seconds: 100)
      #expect(await store.find(.number(1)) != nil)
      var gone: [UInt64] = []
      for number in 6...30 as ClosedRange<UInt64> where gone.count < 5 {
        try await fill(store, number...number, clock)
        gone += (1...5).filter { !gone.contains($0) && !there(1...5, in: folder).contains($0) }
          .sorted { order.firstIndex(of: $0) ?? 0 < order.firstIndex(of: $1) ?? 0 }
      }
      #expect(gone == order)
    }
  }

  @Test func `two stores agree on what goes, and count each other's files`() async throws {
    try await withTemporaryFolder { folder in
      let clock = ManualClock()
      let first = try PackStore(in: folder, limit: limit, clock: clock)
      let second = try PackStore(in: folder, limit: limit, clock: clock)
      try await fill(first, 1...5, clock)
      clock.advance(seconds: 100)
      #expect(await second.find(.number(1)) != nil)
      try await fill(second, 6...12, clock)
      #expect(there(1...5, in: folder).contains(1))
      #expect(there(1...12, in: folder).count == second.statistics.entries)
      #expect(second.statistics.bytes <= limit)
      // What the other has removed is not found, although it was verified here.
      #expect(await first.find(.number(2)) == nil)
      #expect(await first.find(.number(12)) != nil)
    }
  }

  @Test func `what is being written counts`() async throws {
    try await withTemporaryFolder { folder in
      let clock = ManualClock()
      let store = try PackStore(in: folder, limit: limit, clock: clock)
      try await fill(store, 1...5, clock)
      let writer = try store.makeEntry(scope: .demo)
      try writer.append(randomBytes(600_000))
      try await fill(store, 6...6, clock)
      #expect(there(1...6, in: folder) == [4, 5, 6])
      writer.discard()
    }
  }

  @Test func `one entry takes no more than half`() async throws {
    try await withTemporaryFolder { folder in
      let store = try PackStore(in: folder, limit: limit)
      try await store.put(.number(1), Answer(filler: randomBytes(limit / 2 - 2000)))
      for size in [limit / 2 - 100, limit / 2, limit] {
        let error = await #expect(throws: PackStoreError.self) {
          try await store.put(.number(2), Answer(filler: randomBytes(size)))
        }
        guard case .tooLarge? = error else { throw TestFailure("\(error as Any)") }
      }
      #expect(try names(in: folder).count == 1)
    }
  }

  /// Free bytes of a file system of 100 GiB, of which 5 GiB are to be left.
  @Test func `a full file system takes no entries, and gets room`() async throws {
    try await withTemporaryFolder { folder in
      let clock = ManualClock()
      let told = Told()
      let free = Mutex(10 << 30)
      let room = FreeSpaceGuard { _ in .init(free: free.withLock { $0 }, total: 100 << 30) }
      let store = try PackStore(in: folder, limit: limit, room: room, clock: clock, told: told)
      try await fill(store, 1...5, clock)
      let entryBytes = store.statistics.bytes / 5
      free.withLock { $0 = 5 << 30 - entryBytes - 1 }
      for left in [[3, 4, 5], [5]] as [[UInt64]] {
        #expect(throws: PackStoreError.noSpace) { try store.makeEntry(scope: .demo) }
        await store.settle()
        #expect(there(1...5, in: folder) == left)
        #expect(told.count == 1)
      }
      free.withLock { $0 = 5 << 30 }
      #expect(try names(in: folder).allSatisfy { $0.hasSuffix(".pack") })
      try await fill(store, 6...6, clock)
      free.withLock { $0 = 0 }
      #expect(throws: PackStoreError.noSpace) { try store.makeEntry(scope: .demo) }
      #expect(told.count == 2)
      await store.settle()
      #expect(there(1...6, in: folder) == [])
    }
  }

  @Test(arguments: [
    (total: 100 << 30, kept: 5 << 30), (total: 10 << 30, kept: 1 << 30), (total: 1 << 30, kept: (1 << 30) / 5),
    (total: 0, kept: 0),
  ])
  func `a part of the file system is left to others`(_ total: Int, _ kept: Int) async throws {
    try await withTemporaryFolder { folder in
      for (free, isEnough) in [(kept, true), (kept - 1, false)] {
        let room = FreeSpaceGuard { _ in .init(free: free, total: total) }
        let store = try PackStore(in: folder, room: room)
        if isEnough {
          try store.makeEntry(scope: .demo).discard()
        } else {
          #expect(throws: PackStoreError.noSpace) { try store.makeEntry(scope: .demo) }
        }
      }
    }
  }

  @Test func `the room of a real file system is known`() throws {
    let room = try #require(FreeSpaceGuard.room(STDERR_FILENO) ?? FreeSpaceGuard.room(open("/tmp", O_RDONLY)))
    #expect(room.total >= room.free)
  }
}
