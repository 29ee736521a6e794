import GatewayTestSupport
import PackCache
import Testing

@Suite(.timeLimit(.minutes(1))) struct StorePurgeTests {
  @Test func `what belongs to the scope goes, verified or not, and the rest stays`() async throws {
    try await withTemporaryFolder { folder in
      let first = try PackStore(in: folder)
      for number in 1...4 as ClosedRange<UInt64> {
        try await first.put(.number(number), Answer(), scope: number % 2 == 0 ? .demo : .other)
      }
      let second = try PackStore(in: folder)
      let pack = try #require(await second.find(.number(2)))
      let purged = await second.purge { $0.repoID == PackScope.demo.repoID }
      #expect(purged.entries == 2)
      #expect(purged.bytes > 0)
      for store in [first, second] {
        for number in 1...4 as ClosedRange<UInt64> {
          #expect((await store.find(.number(number)) == nil) == (number % 2 == 0))
        }
      }
      #expect(second.statistics.entries == 2)
      #expect(try pack.body == Answer().body)
      #expect(await second.purge { _ in true }.entries == 2)
      #expect(second.statistics.bytes == 0)
    }
  }

  @Test func `what was begun before a purge does not appear after it`() async throws {
    try await withTemporaryFolder { folder in
      let store = try PackStore(in: folder)
      let answer = Answer()
      func commit(_ writer: EntryWriter, _ number: UInt64) async throws {
        _ = try await writer.commit(
          key: .number(number), wants: [], preludeBytes: answer.prelude.count, trailer: .sha1)
      }
      let writers = try [PackScope.demo, .other].map { try store.makeEntry(scope: $0) }
      for writer in writers { try writer.append(answer.body) }
      #expect(await store.purge { $0 == .demo }.entries == 0)
      await #expect(throws: PackStoreError.purged) { try await commit(writers[0], 1) }
      try await commit(writers[1], 2)
      let later = try store.makeEntry(scope: .demo)
      try later.append(answer.body)
      try await commit(later, 3)
      for (number, isThere) in [(1, false), (2, true), (3, true)] as [(UInt64, Bool)] {
        #expect((await store.find(.number(number)) != nil) == isThere)
      }
      #expect(try names(in: folder).count == 2)
    }
  }

  @Test func `a purge amid commits leaves none of those that were begun before`() async throws {
    try await withTemporaryFolder { folder in
      let store = try PackStore(in: folder)
      let writers = try (0..<8).map { _ in try store.makeEntry(scope: .demo) }
      let answer = Answer(filler: randomBytes(300_000))
      for writer in writers { try writer.append(answer.body) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (number, writer) in writers.enumerated() {
          group.addTask {
            _ = try? await writer.commit(
              key: .number(UInt64(number)), wants: [], preludeBytes: answer.prelude.count, trailer: .sha1)
          }
        }
        group.addTask { _ = await store.purge { _ in true } }
        try await group.waitForAll()
      }
      #expect(try names(in: folder) == [])
    }
  }
}
