import FoundationEssentials
import GatewayTestSupport
import Glibc
import PackCache
import Testing

@Suite(.timeLimit(.minutes(1))) struct StoreTroubleTests {
  @Test(arguments: ["removed", "replaced by a file", "replaced by one that others may write"])
  func `a directory that is lost is told once, and used again when it is back`(_ loss: String) async throws {
    try await withTemporaryFolder { folder in
      let told = Told()
      let store = try PackStore(in: folder, told: told)
      let pack = try await store.put(.number(1), Answer())
      let writer = try store.makeEntry(scope: .demo)
      let packs = folder + "/packs"
      try FileManager.default.removeItem(atPath: packs)
      switch loss {
      case "replaced by a file": try write("x", to: packs)
      case "removed": break
      default: #expect(mkdir(packs, 0o700) == 0 && chmod(packs, 0o777) == 0)
      }
      for _ in 0..<2 {
        #expect(await store.find(.number(1)) == nil)
        #expect(throws: PackStoreError.self) { try store.makeEntry(scope: .demo) }
      }
      try writer.append(Answer().body)
      await #expect(throws: PackStoreError.self) {
        try await writer.commit(key: .number(2), wants: [], preludeBytes: Answer.prelude.count, trailer: .sha1)
      }
      #expect(await store.purge { _ in true } == (0, 0))
      #expect(told.count == 1)
      #expect(try pack.body == Answer().body)

      try? FileManager.default.removeItem(atPath: packs)
      #expect(mkdir(packs, 0o700) == 0)
      try await store.put(.number(1), Answer())
      #expect(await store.find(.number(1)) != nil)
      #expect(told.count == 1)
      try FileManager.default.removeItem(atPath: packs)
      #expect(throws: PackStoreError.self) { try store.makeEntry(scope: .demo) }
      #expect(told.count == 2)
    }
  }

  @Test func `a directory that cannot be trusted is refused`() async throws {
    try await withTemporaryFolder { folder in
      let packs = folder + "/packs"
      #expect(mkdir(packs, 0o700) == 0)
      for mode in [0o720, 0o702, 0o777] as [mode_t] {
        #expect(chmod(packs, mode) == 0)
        #expect(throws: PackStoreError.notPrivate(path: packs)) { try PackStore(in: folder) }
      }
      #expect(chmod(packs, 0o755) == 0)
      _ = try PackStore(in: folder)
      #expect(rmdir(packs) == 0)
      try write("x", to: packs)
      #expect(throws: PackStoreError.self) { try PackStore(in: folder) }
      #expect(throws: PackStoreError.self) { try PackStore(in: packs) }
      // What is missing above it is made.
      _ = try PackStore(in: folder + "/some/where")
    }
  }

  @Test func `a write that fails is told once, until one succeeds`() async throws {
    try await withTemporaryFolder { folder in
      await #expect(processExitsWith: .success) { [folder = folder as String] in
        try await Self.writeTooMuch(in: folder)
      }
      let left = try names(in: folder)
      #expect(left.count == 1)
    }
  }

  /// A file may have only so many bytes in this process, which fails as a full disk does once the signal is ignored.
  private static func writeTooMuch(in folder: String) async throws {
    signal(SIGXFSZ, SIG_IGN)
    var most = rlimit(rlim_cur: 4096, rlim_max: 4096)
    #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &most) == 0)
    let told = Told()
    let store = try PackStore(in: folder, told: told)
    for (round, timesTold) in [1, 1, 2].enumerated() {
      if round == 2 {
        try await store.put(.number(1), Answer())
        #expect(await store.find(.number(1)) != nil)
      }
      let writer = try store.makeEntry(scope: .demo)
      #expect(throws: PackStoreError.self) { try writer.append(randomBytes(5000)) }
      #expect(told.count == timesTold)
    }
  }
}
