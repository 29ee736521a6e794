import ArtifactsEmulator
import Glibc
import Testing

/// Pushes that git would take and the service does not.
@Suite struct PushLimitTests {
  /// Commits a file of this size in `work`: one byte again and again, so that its pack is small.
  private func commitFile(_ size: Int, _ server: RunningEmulator) async throws {
    guard let file = fopen(server.folder + "/work/big.bin", "w") else { throw TestFailure("fopen") }
    #expect(ftruncate(fileno(file), size) == 0)
    fclose(file)
    try await server.git(["-C", "work", "add", "."])
    try await server.git(["-C", "work", "commit", "-q", "-m", "big"])
  }

  @Test(arguments: [(30 << 20, nil), (32_000_000, nil), (32_000_001, 500), (31 << 20, 500), (35 << 20, 413)])
  func `a file above the limit fails as on the service, whatever it takes in the pack`(size: Int, status: Int?)
    async throws
  {
    try await RunningEmulator.with { server in
      let (remote, token) = try await server.createRepo("base")
      try await server.workTree("work")
      try await commitFile(size, server)
      let said = try await server.git(
        ["-C", "work", "push", remote, "main"], token: token, failing: status != nil)
      let refs = try await server.git(["ls-remote", remote], token: token)
      if let status {
        #expect(said.contains("HTTP \(status)"), "\(said)")
        #expect(refs.isEmpty)
        // What was refused leaves no harm.
        try await server.git(["-C", "work", "push", "-q", remote, "main~1:refs/heads/main"], token: token)
      } else {
        #expect(refs.contains("refs/heads/main"))
      }
    }
  }

  @Test func `a file above the limit is refused while its client still sends`() async throws {
    try await RunningEmulator.with { server in
      let (remote, token) = try await server.createRepo("base")
      try await server.workTree("work")
      try await server.git(["-C", "work", "commit", "-q", "--allow-empty", "-m", "second"])
      var random = SystemRandomNumberGenerator()
      let words = (0..<(40 << 17)).map { _ in random.next() as UInt64 }
      guard let file = fopen(server.folder + "/work/big.bin", "w") else { throw TestFailure("fopen") }
      #expect(fwrite(words, 8, words.count, file) == words.count)
      fclose(file)
      try await server.git(["-C", "work", "add", "."])
      try await server.git(["-C", "work", "commit", "-q", "-m", "big"])
      let said = try await server.git(["-C", "work", "push", remote, "main"], token: token, failing: true)
      #expect(said.contains("HTTP 413"), "\(said)")
    }
  }

  @Test func `bytes behind the pack are an error, and nothing is kept`() async throws {
    try await RunningEmulator.with { server in
      let (remote, token) = try await server.createRepo("base")
      try await server.workTree("work")
      let id = try await server.git(["-C", "work", "rev-parse", "main"]).trimmed
      try await server.git(["-C", "work", "repack", "-q", "-a", "-d"])
      let folder = server.folder + "/work/.git/objects/pack"
      let name = packName(in: folder)
      let pack = try bytes(of: "\(folder)/\(name)")
      let command = "\(String(repeating: "0", count: 40)) \(id) refs/heads/main\0report-status"
      let digits = String(command.utf8.count + 4, radix: 16)
      let head = Array((String(repeating: "0", count: 4 - digits.count) + digits + command + "0000").utf8)
      func post(_ body: [UInt8]) async throws -> RawAnswer {
        try await server.ask(
          "POST", "/git/demo/base.git/git-receive-pack",
          ["Authorization: Bearer \(token)", "Content-Type: application/x-git-receive-pack-request"], body)
      }
      let stray = try await post(head + pack + Array("0000".utf8))
      #expect(stray.status == 500)
      #expect(try await server.git(["ls-remote", remote], token: token).isEmpty)
      let good = try await post(head + pack)
      #expect((good.status, good.text.contains("ok refs/heads/main")) == (200, true))
    }
  }

  @Test func `a pack without side-band has a flush behind it`() async throws {
    try await RunningEmulator.with { server in
      let (remote, token) = try await server.createRepo("base")
      try await server.workTree("work")
      try await server.git(["-C", "work", "push", "-q", remote, "main"], token: token)
      let id = try await server.git(["-C", "work", "rev-parse", "main"]).trimmed
      func fetch(_ capabilities: String) async throws -> RawAnswer {
        let want = "want \(id)\(capabilities)\n"
        let digits = String(want.utf8.count + 4, radix: 16)
        let body = String(repeating: "0", count: 4 - digits.count) + digits + want + "00000009done\n"
        return try await server.ask(
          "POST", "/git/demo/base.git/git-upload-pack",
          ["Authorization: Bearer \(token)", "Content-Type: application/x-git-upload-pack-request"], Array(body.utf8))
      }
      let bare = try await fetch("")
      #expect(bare.status == 200)
      #expect(bare.text.contains("0008NAK\n") && bare.text.contains("PACK"))
      #expect(bare.text.contains("\r\n4\r\n0000\r\n0\r\n\r\n"), "its own chunk at the end")
      let banded = try await fetch(" side-band-64k")
      #expect(!banded.text.contains("00000000\r\n"))
    }
  }

  private func packName(in folder: String) -> String {
    guard let directory = opendir(folder) else { return "" }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name.hasSuffix(".pack") { return name }
    }
    return ""
  }

  private func bytes(of path: String) throws -> [UInt8] {
    guard let file = fopen(path, "r") else { throw TestFailure("\(path): \(errno)") }
    defer { fclose(file) }
    var block = [UInt8](repeating: 0, count: 1 << 20)
    return Array(block[..<fread(&block, 1, block.count, file)])
  }
}
