import ArtifactsEmulator
import Testing

@Suite struct AdvertisementTests {
  private static let uploadPack =
    "agent=gitty/1.0 object-format=sha1 multi_ack multi_ack_detailed no-done side-band side-band-64k shallow "
    + "deepen-since deepen-not deepen-relative allow-tip-sha1-in-want allow-reachable-sha1-in-want no-progress "
    + "symref=HEAD:refs/heads/main"
  private static let receivePack = "report-status delete-refs ofs-delta side-band-64k symref=HEAD:refs/heads/main"

  private func advertised(_ server: RunningEmulator, _ repo: String, _ service: String, _ token: String, _ version: Int)
    async throws -> RawAnswer
  {
    try await server.ask(
      "GET", "/git/demo/\(repo)/info/refs?service=\(service)",
      ["Authorization: Bearer \(token)", "Git-Protocol: version=\(version)"])
  }

  private func line(_ text: String) -> String {
    let digits = String(text.utf8.count + 4, radix: 16)
    return String(repeating: "0", count: 4 - digits.count) + digits + text
  }

  @Test func `an advertisement has the recorded capabilities`() async throws {
    try await RunningEmulator.with { server in
      let (remote, token) = try await server.createRepo("base")
      try await server.workTree("work")
      try await server.git(["-C", "work", "tag", "-a", "-m", "one", "v1"])
      try await server.git(["-C", "work", "push", "-q", remote, "main", "v1"], token: token)
      let id = try await server.git(["-C", "work", "rev-parse", "main"]).trimmed
      let tag = try await server.git(["-C", "work", "rev-parse", "v1"]).trimmed
      let refs = line("\(id) refs/heads/main\n") + line("\(tag) refs/tags/v1\n")
      let peeled = line("\(id) refs/tags/v1^{}\n") + "0000"
      for version in 0...1 {
        let answer = try await advertised(server, "base.git", "git-upload-pack", token, version)
        #expect(answer.status == 200)
        #expect(answer.field("content-type") == "application/x-git-upload-pack-advertisement")
        let first = (version == 1 ? line("version 1\n") : "") + line("\(id) HEAD\0\(Self.uploadPack)\n")
        #expect(answer.text == line("# service=git-upload-pack\n") + "0000" + first + refs + peeled)
      }
      for version in 0...2 {
        let answer = try await advertised(server, "base", "git-receive-pack", token, version)
        #expect(answer.field("content-type") == "application/x-git-receive-pack-advertisement")
        let first = line("\(id) HEAD\0\(Self.receivePack)\n")
        #expect(answer.text == line("# service=git-receive-pack\n") + "0000" + first + refs + "0000")
      }
    }
  }

  @Test func `an empty repo names its default branch`() async throws {
    try await RunningEmulator.with { server in
      let (_, token) = try await server.createRepo("empty")
      let none = String(repeating: "0", count: 40) + " capabilities^{}\0"
      for (service, capabilities) in [("git-upload-pack", Self.uploadPack), ("git-receive-pack", Self.receivePack)] {
        let answer = try await advertised(server, "empty", service, token, 0)
        #expect(answer.text == line("# service=\(service)\n") + "0000" + line("\(none)\(capabilities)\n") + "0000")
      }
    }
  }

  @Test func `protocol v2 begins with a banner`() async throws {
    try await RunningEmulator.with { server in
      let (_, token) = try await server.createRepo("base")
      let answer = try await advertised(server, "base", "git-upload-pack", token, 2)
      let lines = [
        "version 2\n", "agent=gitty/1.0\n", "ls-refs=unborn\n", "fetch=shallow filter sideband-all\n",
        "object-format=sha1\n",
      ]
      #expect(answer.text == line("# service=git-upload-pack\n") + "0000" + lines.map(line).joined() + "0000")
    }
  }
}

extension String {
  var trimmed: String { String(prefix { $0 != "\n" }) }
}
