import ArtifactsEmulator
import FoundationEssentials
import GatewayTestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct PackUpkeepTests {
  private func packs(_ directory: String) throws -> Set<String> {
    Set(
      try FileManager.default.contentsOfDirectory(atPath: directory + "/objects/pack").filter { $0.hasSuffix(".pack") })
  }

  private func waitUntil(_ condition: () throws -> Bool) async throws {
    let clock = ContinuousClock()
    let deadline = clock.now.advanced(by: .seconds(60))
    while try !condition() {
      guard clock.now < deadline else { throw TestFailure("it did not happen in 60 s") }
      await Task.yield()
    }
  }

  /// A bare repository with so many packs, and the ids of all its objects, of which some are not reachable.
  private func filled(_ git: Git, packs count: Int) async throws -> (directory: String, objects: String) {
    try await git("init", "-q", "--bare", "bare.git")
    try await git.workTree("work")
    for number in 0..<count {
      try await addPack(git, number)
      if number == 2 { try await git("-C", "work", "reset", "-q", "--hard", "HEAD~1") }
    }
    return (git.folder + "/bare.git", try await objects(git))
  }

  private func addPack(_ git: Git, _ number: Int) async throws {
    try await git.commit("\(number)\n", to: "file", in: "work")
    try await git("-C", "work", "push", "-q", "--force", "../bare.git", "HEAD:refs/heads/main")
    try await git("--git-dir", "bare.git", "repack", "-q", "-d")
  }

  private func objects(_ git: Git) async throws -> String {
    try await git(
      "--git-dir", "bare.git", "cat-file", "--batch-check", "--batch-all-objects", "--unordered"
    ).split(separator: "\n")
      .sorted().joined(separator: "\n")
  }

  @Test func `many packs become few, and no object goes`() async throws {
    try await GatewayTestSupport.withTemporaryFolder { folder in
      let git = Git(in: folder)
      let (directory, before) = try await filled(git, packs: 8)
      #expect(try packs(directory).count == 8)
      let upkeep = PackUpkeep(packLimit: 4)
      upkeep.pushed(to: directory)
      try await waitUntil { try packs(directory).count < 4 }
      await upkeep.close()
      #expect(try await objects(git) == before)
      try await git("--git-dir", "bare.git", "fsck", "--strict", "--full")
    }
  }

  @Test func `what a running request may need stays until it has ended`() async throws {
    try await GatewayTestSupport.withTemporaryFolder { folder in
      let git = Git(in: folder)
      let (directory, before) = try await filled(git, packs: 6)
      let olds = try packs(directory)
      try FileManager.default.copyItem(atPath: directory, toPath: folder + "/copy.git")
      let upkeep = PackUpkeep(packLimit: 4)
      let user = upkeep.enter(directory)
      upkeep.pushed(to: directory)
      // It works in turn: when the copy is done, the other is, too.
      upkeep.pushed(to: folder + "/copy.git")
      try await waitUntil { try packs(folder + "/copy.git").count < 4 }
      #expect(try packs(directory).count == olds.count + 1)
      // A request that came later holds nothing up.
      let later = upkeep.enter(directory)
      #expect(try packs(directory).isSuperset(of: olds))
      upkeep.leave(user, directory)
      try await waitUntil { try packs(directory).count < 4 }
      #expect(try await objects(git) == before)
      upkeep.leave(later, directory)
      await upkeep.close()
    }
  }

  @Test func `few packs stay as they are`() async throws {
    try await GatewayTestSupport.withTemporaryFolder { folder in
      let git = Git(in: folder)
      let (directory, _) = try await filled(git, packs: 6)
      try FileManager.default.copyItem(atPath: directory, toPath: folder + "/few.git")
      let olds = try packs(folder + "/few.git")
      try await addPack(git, 6)
      let upkeep = PackUpkeep(packLimit: 6)
      upkeep.pushed(to: folder + "/few.git")
      upkeep.pushed(to: directory)
      // It works in turn: when this one is done, the other was, too.
      try await waitUntil { try packs(directory).count < 6 }
      await upkeep.close()
      #expect(olds.count == 6)
      #expect(try packs(folder + "/few.git") == olds)
    }
  }

  @Test func `pushes and clones go on while packs are folded`() async throws {
    try await GatewayTestSupport.withTemporaryFolder { folder in
      try await RunningEmulator.with(in: folder, packLimit: 3) { server in
        let (remote, token) = try await server.createRepo("base")
        try await server.workTree("work")
        let directory = server.emulator.store.gitDirectory(of: try await server.emulator.store.repo("base", in: "demo"))
        for number in 0..<12 {
          try await server.git(["-C", "work", "commit", "-q", "--allow-empty", "-m", "change \(number)"])
          async let clone = server.git(["ls-remote", remote], token: token)
          try await server.git(["-C", "work", "push", "-q", remote, "main", "main:b\(number)"], token: token)
          if number > 0 { try await server.git(["clone", "-q", "--bare", remote, "clone\(number)"], token: token) }
          _ = try await clone
        }
        try await waitUntil { try packs(directory).count <= 5 }
        try await server.git(["--git-dir", directory, "fsck", "--strict", "--full"])
        try await server.git(["clone", "-q", remote, "copy"], token: token)
        #expect(try await server.git(["-C", "copy", "rev-list", "--count", "main"]).trimmed == "13")
      }
    }
  }
}
