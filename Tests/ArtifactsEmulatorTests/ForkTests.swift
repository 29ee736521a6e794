import ArtifactsEmulator
import Glibc
import Testing

@Suite struct ForkTests {
  /// A repo `base` with two branches, a tag, a note and a ref of another kind, made of four objects.
  private func withBase(_ body: (RunningEmulator) async throws -> Void) async throws {
    try await RunningEmulator.with { server in
      let (remote, token) = try await server.createRepo("base", readOnly: true)
      try await server.workTree("work")
      try await server.git(["-C", "work", "tag", "-a", "-m", "v1", "v1"])
      let refs = ["main", "main:topic", "v1", "main:refs/notes/x", "main:refs/custom/y"]
      try await server.git(["-C", "work", "push", "-q", remote] + refs, token: token)
      try await body(server)
    }
  }

  private func fork(_ server: RunningEmulator, _ body: String, of repo: String = "base") async throws -> RawAnswer {
    try await server.api("POST", "/repos/\(repo)/fork", body)
  }

  @Test(arguments: ["", #","default_branch_only":true"#])
  func `a fork has every ref and names its parent`(option: String) async throws {
    try await withBase { server in
      let made = try await fork(server, #"{"name":"copy"\#(option)}"#)
      #expect(made.status == 201)
      let result = try #require(made.json?["result"])
      #expect(
        result.fieldNames == ["id", "name", "description", "default_branch", "remote", "token", "objects"])
      #expect(result["objects"]?.count == 4)
      #expect(result["description"] == .null)
      let token = try #require(result["token"]?.text)
      let remote = try #require(result["remote"]?.text)
      let parent = try await server.git(
        ["ls-remote", server.emulator.baseURL + "/git/demo/base.git"],
        token: try await server.createToken("base", scope: "read"))
      #expect(try await server.git(["ls-remote", "--symref", remote], token: token).hasSuffix(parent))
      #expect(parent.contains("refs/notes/x") && parent.contains("refs/custom/y") && parent.contains("refs/tags/v1^{}"))
      let read = try await server.api("GET", "/repos/copy").json?["result"]
      #expect(read?["source"] == .string("artifacts:demo/base"))
      #expect(read?["read_only"] == .bool(false))
      // Its token is a write token, and it stands without its parent.
      #expect(try await server.api("DELETE", "/repos/base").status == 202)
      try await server.git(["-C", "work", "commit", "-q", "--allow-empty", "-m", "second"])
      try await server.git(["-C", "work", "push", "-q", remote, "main"], token: token)
      try await server.git(["clone", "-q", remote, "clone"], token: token)
      #expect(try await server.git(["-C", "clone", "log", "--format=%s"]) == "second\nfirst\n")
    }
  }

  @Test func `what is given to a fork is kept, also over a restart`() async throws {
    try await withTemporaryFolder { folder in
      let token = try await RunningEmulator.with(in: folder) { server in
        _ = try await server.createRepo("base")
        let made = try await fork(server, #"{"name":"copy","description":"mine","read_only":true}"#)
        let result = try #require(made.json?["result"])
        #expect(result["objects"]?.count == 0)
        return try #require(result["token"]?.text)
      }
      try await RunningEmulator.with(in: folder) { server in
        let read = try await server.api("GET", "/repos/copy").json?["result"]
        #expect(read?["description"] == .string("mine"))
        #expect(read?["read_only"] == .bool(true))
        let remote = server.emulator.baseURL + "/git/demo/copy.git"
        #expect(try await server.git(["ls-remote", remote], token: token) == "")
      }
    }
  }

  @Test func `a fork that cannot be is refused as recorded`() async throws {
    try await withBase { server in
      for (repo, body, status, code, message) in [
        ("base", #"{"name":"base"}"#, 409, 10201, "repo already exists: base"),
        ("none", #"{"name":"z"}"#, 404, 10200, "Repository not found"),
        ("base", #"{"name":"-x"}"#, 400, 10101, "Invalid repo name: must match /^[a-zA-Z0-9][a-zA-Z0-9._-]*$/"),
        ("base", "{}", 400, 10101, "Invalid repo name: must match /^[a-zA-Z0-9][a-zA-Z0-9._-]*$/"),
        (
          "base", #"{"name":"z","default_branch_only":1}"#, 400, 10100,
          "Invalid input: expected boolean, received number"
        ),
      ] {
        let answer = try await fork(server, body, of: repo)
        #expect((answer.status, answer.code, answer.message) == (status, code, message), "\(body)")
      }
    }
  }

  @Test func `a fork that fails leaves nothing, and its name is free`() async throws {
    try await withBase { server in
      let store = server.emulator.store
      let base = try await store.repo("base", in: "demo")
      let objects = store.gitDirectory(of: base) + "/objects"
      #expect(rename(objects, objects + "-away") == 0)
      let failed = try await fork(server, #"{"name":"copy"}"#)
      #expect((failed.status, failed.code) == (500, 10400))
      #expect(try await server.api("GET", "/repos/copy").status == 404)
      #expect(rename(objects + "-away", objects) == 0)
      #expect(try await fork(server, #"{"name":"copy"}"#).status == 201)
    }
  }
}
