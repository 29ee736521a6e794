import GatewayTestSupport
import Glibc
import PackCache
import Testing

@Suite(.timeLimit(.minutes(1))) struct StoreEntryTests {
  @Test(arguments: [Digest.Algorithm.sha1, .sha256], [0, 1, 70_000])
  func `what is committed is found, byte for byte`(_ trailer: Digest.Algorithm, _ size: Int) async throws {
    try await withTemporaryFolder { folder in
      let clock = ManualClock()
      let store = try PackStore(in: folder, clock: clock)
      var answer = Answer(filler: randomBytes(size), trailer: trailer)
      answer.prelude =
        PktLines.line("acknowledgments\n") + PktLines.line("ready\n") + Array("0001".utf8) + Answer.prelude
      let writer = try store.makeEntry(scope: .demo)
      for byte in answer.body.prefix(20) { try writer.append([byte]) }
      try writer.append(Array(answer.body.dropFirst(20)))
      #expect(writer.bytesWritten == answer.body.count)
      let wants = (0..<3).map { String(repeating: "\($0)", count: 40) }
      let committed = try await writer.commit(
        key: .number(1), wants: wants, preludeBytes: answer.prelude.count, trailer: trailer)
      let found = try #require(await store.find(.number(1)))
      for pack in [committed, found] {
        #expect(try pack.body == answer.body)
        #expect(try pack.wants == wants)
        #expect((pack.key, pack.scope, pack.createdAt) == (.number(1), .demo, clock.now))
        #expect(
          (pack.bodyBytes, pack.preludeBytes, pack.packBytes)
            == (answer.body.count, answer.prelude.count, answer.pack.count))
      }
      #expect(await store.find(.number(2)) == nil)
      #expect(store.statistics.entries == 1)
      #expect(try names(in: folder) == [PackKey.number(1).hex + ".pack"])
    }
  }

  @Test func `nobody else may look at the packs`() async throws {
    try await withTemporaryFolder { folder in
      let store = try PackStore(in: folder)
      try await store.put(.number(1), Answer())
      var status = stat()
      #expect(stat(folder + "/packs", &status) == 0 && status.st_mode & 0o777 == 0o700)
      #expect(stat(path(of: .number(1), in: folder), &status) == 0 && status.st_mode & 0o777 == 0o600)
    }
  }

  @Test func `an entry is read while it is being written, and never beyond its body`() async throws {
    try await withTemporaryFolder { folder in
      let store = try PackStore(in: folder)
      let body = Answer().body
      let writer = try store.makeEntry(scope: .demo)
      func read(at offset: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 1000)
        return Array(bytes[..<(try bytes.withUnsafeMutableBytes { try writer.read(at: offset, into: $0) })])
      }
      try writer.append(Array(body[..<10]))
      #expect(try read(at: 0) == Array(body[..<10]))
      #expect(try read(at: 10) == [])
      #expect(try read(at: 500) == [])
      try writer.append(Array(body[10...]))
      _ = try await writer.commit(key: .number(1), wants: [], preludeBytes: Answer.prelude.count, trailer: .sha1)
      #expect(try read(at: 4) == Array(body[4...]))
    }
  }

  @Test func `a writer without a commit leaves nothing`() async throws {
    try await withTemporaryFolder { folder in
      let store = try PackStore(in: folder)
      for end in ["let go", "discarded", "refused"] {
        var writer: EntryWriter? = try store.makeEntry(scope: .demo)
        try writer?.append([1, 2, 3])
        #expect(try names(in: folder).count == 1)
        if end == "discarded" { writer?.discard() }
        if end == "refused" {
          _ = try? await writer?.commit(key: .number(1), wants: [], preludeBytes: 0, trailer: .sha1)
        }
        if end == "let go" { writer = nil }
        #expect(try names(in: folder) == [], "\(end)")
        var kept: [UInt8] = [0, 0, 0]
        if let writer {
          let count = try kept.withUnsafeMutableBytes { try writer.read(at: 0, into: $0) }
          #expect(count == 3 && kept == [1, 2, 3])
        }
      }
    }
  }

  @Test func `a writer ends once`() async throws {
    try await withTemporaryFolder { folder in
      let store = try PackStore(in: folder)
      let answer = Answer()
      let writer = try store.makeEntry(scope: .demo)
      try writer.append(answer.body)
      _ = try await writer.commit(key: .number(1), wants: [], preludeBytes: answer.prelude.count, trailer: .sha1)
      writer.discard()
      #expect(await store.find(.number(1)) != nil)
      #expect(throws: PackStoreError.ended) { try writer.append([1]) }
      await #expect(throws: PackStoreError.ended) {
        try await writer.commit(key: .number(2), wants: [], preludeBytes: answer.prelude.count, trailer: .sha1)
      }
      #expect(await store.find(.number(2)) == nil)
    }
  }

  @Test func `a second entry of a key takes the place of the first, which stays readable`() async throws {
    try await withTemporaryFolder { folder in
      let store = try PackStore(in: folder)
      let answers = [Answer(number: 1, size: 100), Answer(number: 2, size: 5000)]
      let first = try await store.put(.number(1), answers[0])
      try await store.put(.number(1), answers[1])
      #expect(try await store.find(.number(1))?.body == answers[1].body)
      #expect(try first.body == answers[0].body)
      #expect(store.statistics.entries == 1)
    }
  }

  @Test func `an entry names 16,384 wants and no more`() async throws {
    try await withTemporaryFolder { folder in
      let store = try PackStore(in: folder)
      let answer = Answer()
      let wants = (0..<16_385).map { _ in String(repeating: "f", count: 64) }
      for count in [16_384, 16_385] {
        let writer = try store.makeEntry(scope: .demo)
        try writer.append(answer.body)
        let commit = { () async throws(PackStoreError) in
          try await writer.commit(
            key: .number(1), wants: Array(wants[..<count]), preludeBytes: answer.prelude.count, trailer: .sha1)
        }
        if count > 16_384 {
          await #expect(throws: PackStoreError.tooManyWants(count)) { try await commit() }
        } else {
          #expect(try await commit().wants.count == count)
        }
      }
      let again = try PackStore(in: folder)
      #expect(try await again.find(.number(1))?.wants.count == 16_384)
    }
  }
}
