import ArtifactsEmulator
import EventLoop
import Testing

@Suite struct EmulatorTests {
  @Test func `a seeded repo has one commit, and seeding again changes nothing`() async throws {
    try await withTemporaryFolder { folder in
      var ids: [String] = []
      for _ in 0..<2 {
        let id = try await RunningEmulator.with(in: folder) { server in
          try await server.emulator.seed(repo: "hello", in: "demo")
          let token = try await server.createToken("hello", scope: "read")
          let remote = "\(server.emulator.baseURL)/git/demo/hello.git"
          return try await server.git(["ls-remote", remote, "HEAD"], token: token)
        }
        ids.append(id)
      }
      #expect(ids[0].hasSuffix("\tHEAD\n"))
      #expect(ids[0] == ids[1])
    }
  }

  @Test func `a push outlives a restart, and so does its token`() async throws {
    try await withTemporaryFolder { folder in
      let token = try await RunningEmulator.with(in: folder) { server in
        let (remote, token) = try await server.createRepo("base")
        try await server.workTree("work")
        try await server.git(["-C", "work", "push", "-q", remote, "main"], token: token)
        return token
      }
      try await RunningEmulator.with(in: folder) { server in
        try await server.git(["clone", "-q", "\(server.emulator.baseURL)/git/demo/base.git", "copy"], token: token)
        #expect(try contents(of: folder + "/copy/README.md") == "# work\n")
      }
    }
  }

  @Test func `a second emulator on the same folder is refused while the first lives`() async throws {
    try await withTemporaryFolder { folder in
      let configuration = ArtifactsEmulator.Configuration(dataDirectory: folder + "/data", apiToken: TestService.token)
      try await RunningEmulator.with(in: folder) { _ in
        _ = #expect(throws: StoreError.self) { _ = try ArtifactsEmulator(configuration: configuration) }
      }
      let second = try ArtifactsEmulator(configuration: configuration)
      await second.shutdown()
    }
  }

  @Test func `the address is the one that the kernel chose`() async throws {
    try await RunningEmulator.with { server in
      let port = try #require(server.emulator.address?.port)
      #expect(port != 0)
      #expect(server.emulator.baseURL == "http://127.0.0.1:\(port)")
      #expect(try await server.createRepo("a").remote == "http://127.0.0.1:\(port)/git/demo/a.git")
      await server.emulator.shutdown()
      #expect(server.emulator.address == nil)
    }
  }

  @Test func `a body above one mebibyte is refused`() async throws {
    try await RunningEmulator.with { server in
      let fields = ["Authorization: Bearer \(TestService.token)", "Content-Type: application/json"]
      let body = [UInt8](repeating: UInt8(ascii: " "), count: 1 << 20 + 1)
      let answer = try await server.ask("POST", "/client/v4\(TestService.root)/namespaces", fields, body)
      #expect(answer.status == 413)
      #expect(answer.field("content-type") == "application/json")
    }
  }

  @Test func `a reply without a body has no content type`() async throws {
    try await RunningEmulator.with { server in
      _ = try await server.createRepo("a")
      let fields = ["Authorization: Bearer \(TestService.token)"]
      let answer = try await server.ask("DELETE", "/client/v4\(TestService.root)/namespaces/demo", fields)
      #expect((answer.status, answer.field("content-type"), answer.body) == (204, nil, []))
    }
  }
}
