import GatewayTestSupport
import Glibc
import PackCache
import Testing

/// Other processes in the same directory, dead and alive. A lock belongs to an open file, so a store of this process
/// stands for one of another.
@Suite(.timeLimit(.minutes(1))) struct StoreNeighbourTests {
  @Test func `an entry of one is found by the other`() async throws {
    try await withTemporaryFolder { folder in
      let first = try PackStore(in: folder)
      let second = try PackStore(in: folder)
      #expect(await second.find(.number(1)) == nil)
      try await first.put(.number(1), Answer())
      #expect(try await second.find(.number(1))?.body == Answer().body)
      #expect(second.statistics.entries == 1)
    }
  }

  @Test func `a file without a living writer is swept, one with is not`() async throws {
    try await withTemporaryFolder { folder in
      let first = try PackStore(in: folder)
      let answer = Answer()
      let writer = try first.makeEntry(scope: .demo)
      try write("what is left", to: folder + "/packs/0123456789abcdef.part")
      #expect(try names(in: folder).count == 2)
      let second = try PackStore(in: folder)
      await second.settle()
      #expect(try names(in: folder).count == 1)
      try writer.append(answer.body)
      _ = try await writer.commit(key: .number(1), wants: [], preludeBytes: answer.prelude.count, trailer: .sha1)
      #expect(await second.find(.number(1)) != nil)
    }
  }

  @Test func `a process that is killed while it writes leaves nothing for long`() async throws {
    try await withTemporaryFolder { folder in
      await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String] in
        let store = try PackStore(in: folder)
        try await store.put(.number(1), Answer())
        let writer = try store.makeEntry(scope: .demo)
        try writer.append(Answer().body)
        kill(getpid(), SIGKILL)
      }
      #expect(try names(in: folder).count == 2)
      let store = try PackStore(in: folder)
      await store.settle()
      #expect(try names(in: folder) == [PackKey.number(1).hex + ".pack"])
      #expect(try await store.find(.number(1))?.body == Answer().body)
    }
  }

  @Test func `no wrong byte comes of two that fill, use, purge and evict at once`() async throws {
    try await withTemporaryFolder { folder in
      let told = Told()
      let stores = try (0..<2).map { _ in try PackStore(in: folder, limit: 1 << 20, told: told) }
      let answers = (0..<12).map { Answer(number: $0, size: 20_000 * Int($0)) }
      let found = try await withThrowingTaskGroup(of: Int.self) { group in
        for worker in 0..<6 as Range<UInt64> {
          group.addTask { try await work(on: stores, answers, SplitMix64(state: worker)) }
        }
        return try await group.reduce(0, +)
      }
      #expect(found > 0)
      for store in stores { await store.settle() }
      #expect(told.all == [])
      #expect(try names(in: folder).allSatisfy { $0.hasSuffix(".pack") })
    }
  }

  /// Returns how many entries were found.
  private func work(on stores: [PackStore], _ answers: [Answer], _ random: SplitMix64) async throws -> Int {
    var random = random
    var found = 0
    for _ in 0..<60 {
      let store = stores[Int.random(in: 0...1, using: &random)]
      let number = Int.random(in: 0..<12, using: &random)
      let scope = number % 2 == 0 ? PackScope.demo : .other
      switch Int.random(in: 0..<20, using: &random) {
      case 0: _ = await store.purge { $0 == scope }
      case 1..<8:
        do {
          try await store.put(.number(UInt64(number)), answers[number], scope: scope)
        } catch {
          #expect(error as? PackStoreError == .purged)
        }
      default:
        guard let pack = await store.find(.number(UInt64(number))) else { continue }
        found += 1
        #expect(try pack.body == answers[number].body)
        #expect(pack.scope == scope)
      }
    }
    return found
  }
}
