import GatewayTestSupport
import Glibc
import PackCache
import Testing

@Suite(.timeLimit(.minutes(2))) struct StoreDamageTests {
  @Test func `a flipped byte anywhere is found, told and removed`() async throws {
    try await withTemporaryFolder { folder in
      let path = path(of: .number(1), in: folder)
      try await PackStore(in: folder).put(.number(1), Answer(filler: randomBytes(50)))
      let good = try bytes(of: path)
      for offset in good.indices {
        var bad = good
        bad[offset] ^= 1 << UInt8(offset % 8)
        try write(bad, to: path)
        let told = Told()
        let store = try PackStore(in: folder, told: told)
        #expect(await store.find(.number(1)) == nil, "offset \(offset)")
        await store.settle()
        #expect(store.statistics.damaged == 1)
        #expect(store.statistics.entries == 0)
        #expect(told.count == 1)
        #expect(try names(in: folder) == [])
      }
    }
  }

  @Test func `a file that was cut off or grew is found`() async throws {
    try await withTemporaryFolder { folder in
      let path = path(of: .number(1), in: folder)
      try await PackStore(in: folder).put(.number(1), Answer())
      let good = try bytes(of: path)
      for bad in good.indices.map({ Array(good[..<$0]) }) + [good + [0], good + good, [0] + good] {
        try write(bad, to: path)
        let store = try PackStore(in: folder)
        #expect(await store.find(.number(1)) == nil, "\(bad.count) bytes")
        #expect(try names(in: folder) == [])
      }
      try write(good, to: path)
      #expect(try await PackStore(in: folder).find(.number(1))?.body == Answer().body)
    }
  }

  @Test func `a change after the first use is found`() async throws {
    try await withTemporaryFolder { folder in
      let told = Told()
      let store = try PackStore(in: folder, told: told)
      try await store.put(.number(1), Answer())
      #expect(await store.find(.number(1)) != nil)
      let path = path(of: .number(1), in: folder)
      var changed = try bytes(of: path)
      changed[20] ^= 1
      try write(changed, to: path)
      // A file system may tell two changes within a few milliseconds not apart.
      utimes(path, [timeval(tv_sec: 1, tv_usec: 0), timeval(tv_sec: 1, tv_usec: 0)])
      #expect(await store.find(.number(1)) == nil)
      #expect(told.count == 1)
      try await store.put(.number(1), Answer())
      #expect(await store.find(.number(1)) != nil)
    }
  }

  @Test func `an entry under the name of another is found`() async throws {
    try await withTemporaryFolder { folder in
      let store = try PackStore(in: folder)
      try await store.put(.number(1), Answer())
      #expect(rename(path(of: .number(1), in: folder), path(of: .number(2), in: folder)) == 0)
      #expect(await store.find(.number(2)) == nil)
      #expect(try names(in: folder) == [])
    }
  }

  @Test func `the start reads the ends of all entries, and removes those without one`() async throws {
    try await withTemporaryFolder { folder in
      let first = try PackStore(in: folder)
      for number in 1...3 as ClosedRange<UInt64> { try await first.put(.number(number), Answer()) }
      #expect(truncate(path(of: .number(2), in: folder), 30) == 0)
      let told = Told()
      let store = try PackStore(in: folder, told: told)
      await store.settle()
      #expect(store.statistics.entries == 2)
      #expect(store.statistics.damaged == 1)
      #expect(told.count == 1)
      #expect(try names(in: folder).count == 2)
    }
  }

  @Test func `what is not the store's is left alone`() async throws {
    try await withTemporaryFolder { folder in
      let told = Told()
      _ = try PackStore(in: folder)
      let packs = folder + "/packs/"
      let digits = PackKey.number(1).hex
      let foreign = [
        "README", digits, digits + ".pack.bak", digits.dropLast() + ".pack", digits.uppercased() + ".pack", ".part",
        "abc.part", "0123456789abcdeg.part", "0123456789abcdef.parts",
      ]
      for name in foreign { try write("x", to: packs + name) }
      #expect(symlink("README", path(of: .number(2), in: folder)) == 0)
      #expect(mkfifo(path(of: .number(3), in: folder), 0o600) == 0)
      #expect(mkdir(path(of: .number(4), in: folder), 0o700) == 0)
      let before = try names(in: folder)
      let store = try PackStore(in: folder, limit: 100_000, told: told)
      for number in 1...4 as ClosedRange<UInt64> { #expect(await store.find(.number(number)) == nil) }
      _ = await store.purge { _ in true }
      #expect(try names(in: folder) == before)
      #expect(store.statistics.entries == 0)
      #expect(told.all == [])
    }
  }
}
