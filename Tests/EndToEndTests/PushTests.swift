import GatewayTestSupport
import Testing

@Suite(.enabled(if: Git.isThere), .timeLimit(.minutes(5))) struct PushTests {
  /// Around the size at which git sends a probe and then chunks; and much more.
  @Test(arguments: [1, (1 << 20) - 1, (1 << 20) + 1, 64 << 20])
  func `a push of any size comes back whole`(count: Int) async throws {
    try await EmulatorGateway.with { test in
      let git = test.git
      let url = try await test.seeded()
      try await git.commit(randomBytes(count), to: "file.bin", in: "work")
      try await git("-C", "work", "push", "-q", url, "main")
      try await git("clone", "-q", url, "copy")
      let ids = try await git("hash-object", "work/file.bin", "copy/file.bin").split(separator: "\n")
      #expect(ids.count == 2 && ids[0] == ids[1])
      #expect(try await git.refs(in: "copy", "refs/heads") == git.refs(of: url))
      try await git.check("copy")
    }
  }

  @Test func `branches are forced and deleted, tags and notes pushed`() async throws {
    try await EmulatorGateway.with { test in
      let git = test.git
      let url = try await test.seeded()
      try await git("-C", "work", "tag", "light")
      try await git("-C", "work", "tag", "-a", "-m", "one", "v1")
      try await git("-C", "work", "notes", "add", "-m", "a note")
      try await git("-C", "work", "push", "-q", url, "main:topic", "--tags", "refs/notes/*:refs/notes/*")
      try await git("-C", "work", "commit", "-q", "--amend", "-m", "other")
      let refused = try await git.attempt(["-C", "work", "push", url, "main"])
      #expect(!refused.isSuccess && refused.text.contains("rejected"))
      try await git("-C", "work", "push", "-q", "--force", url, "main")
      try await git("-C", "work", "push", "-q", "--delete", url, "topic")
      let refs = try await git.refs(of: url)
      #expect(!refs.contains { $0.contains("topic") })
      for name in ["refs/tags/light", "refs/tags/v1", "refs/tags/v1^{}", "refs/notes/commits"] {
        #expect(refs.contains { $0.hasSuffix("\t\(name)") }, "\(name)")
      }
      try await git("clone", "-q", "--mirror", url, "copy")
      #expect(try await git.refs(in: "copy") == refs.filter { !$0.hasSuffix("^{}") })
      try await git.check("copy")
    }
  }

  @Test func `a push of nothing new says so, and one that loses a race is refused`() async throws {
    try await EmulatorGateway.with { test in
      let git = test.git
      let url = try await test.seeded()
      #expect(try await git("-C", "work", "push", url, "main").contains("Everything up-to-date"))
      try await git("clone", "-q", url, "other")
      try await git.commit("theirs\n", to: "a.txt", in: "other")
      try await git("-C", "other", "push", "-q")
      try await git.commit("ours\n", to: "b.txt", in: "work")
      let outcome = try await git.attempt(["-C", "work", "push", url, "main"])
      #expect(!outcome.isSuccess && outcome.text.contains("fetch first"))
    }
  }
}
