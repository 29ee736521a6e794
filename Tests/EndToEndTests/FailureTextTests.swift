import ArtifactsEmulator
import Gateway
import GatewayTestSupport
import Testing

@Suite(.enabled(if: Git.isThere), .timeLimit(.minutes(5))) struct FailureTextTests {
  @Test func `git shows how to create a repo that is not there`() async throws {
    try await EmulatorGateway.with { test in
      try await test.git.workTree("work")
      let hint =
        "remote: artifacts-gateway: no repo \"none\" in namespace \"default\"; create it: curl -X PUT "
        + "http://127.0.0.1:\(test.port)/api/v1/repos/none (req "
      for command in [
        ["ls-remote", test.url("none")], ["clone", test.url("none"), "copy"],
        ["-C", "work", "push", test.url("none"), "main"],
      ] {
        let outcome = try await test.git.attempt(command)
        #expect(!outcome.isSuccess)
        #expect(outcome.text.contains(hint), "\(outcome.text)")
      }
    }
  }

  @Test func `git shows that a repo was deleted`() async throws {
    try await EmulatorGateway.with { test in
      let url = try await test.seeded()
      try await test.git("clone", "-q", url, "copy")
      let answer = try await test.ask(HTTPRequest("DELETE", "/api/v1/repos/demo"))
      #expect(answer.status == 202)
      let outcome = try await test.git.attempt(["-C", "copy", "fetch"])
      #expect(!outcome.isSuccess && outcome.text.contains("artifacts-gateway: no repo \"demo\""), "\(outcome.text)")
      // A new repo of the same name has nothing of the old one.
      try await test.createRepo("demo")
      #expect(try await test.git("ls-remote", url) == "")
    }
  }

  @Test func `git shows that the upstream is down`() async throws {
    try await EmulatorGateway.with { test in
      let url = try await test.seeded()
      try await test.git("clone", "-q", url, "copy")
      try await test.git.commit("more\n", to: "more.txt", in: "work")
      await test.emulator.shutdown()
      for command in [["ls-remote", url], ["-C", "copy", "fetch"], ["-C", "work", "push", url, "main"]] {
        let outcome = try await test.git.attempt(command)
        #expect(!outcome.isSuccess)
        #expect(outcome.text.contains("remote: artifacts-gateway: cannot reach http://127.0.0.1:"), "\(outcome.text)")
        #expect(!outcome.text.contains("Everything up-to-date"))
      }
    }
  }

  @Test func `git shows that a gateway is read-only`() async throws {
    try await EmulatorGateway.with(configure: { $0.isReadOnly = true }) { test in
      _ = try await test.emulator.store.createRepo(Store.NewRepo(name: "demo"), in: "default")
      try await test.git.workTree("work")
      let outcome = try await test.git.attempt(["-C", "work", "push", test.url("demo"), "main"])
      #expect(!outcome.isSuccess && outcome.text.contains("this gateway is read-only"), "\(outcome.text)")
    }
  }

  /// Faults that come when git has its advertisement already: between the upstream and the gateway.
  @Test(arguments: [GitOperation.fetch, .push])
  func `git shows a failure of its second request`(operation: GitOperation) async throws {
    try await withTemporaryFolder { folder in
      let git = Git(in: folder)
      try await git.workTree("work")
      let id = try await git("-C", "work", "rev-parse", "HEAD").prefix(40)
      let upstream: ScriptedServer.Script = { request in
        switch GitOperation(request) {
        case .fetchRefs:
          let line = PktLines.line("\(id) HEAD\0side-band-64k agent=x\n") + PktLines.line("\(id) refs/heads/main\n")
          return .response(
            200, [("Content-Type", GitOperation.fetchRefs.answerType)],
            PktLines.line("# service=git-upload-pack\n") + PktLines.flush + line + PktLines.flush)
        case .pushRefs:
          let none = String(repeating: "0", count: 40)
          return .response(
            200, [("Content-Type", GitOperation.pushRefs.answerType)],
            PktLines.line("# service=git-receive-pack\n") + PktLines.flush
              + PktLines.line("\(none) capabilities^{}\0report-status side-band-64k agent=x\n") + PktLines.flush)
        default: return .response(500, text: "boom")
        }
      }
      try await TestGateway.with(upstream: upstream) { test in
        let url = "http://127.0.0.1:\(test.port)/git/demo"
        let outcome = try await git.attempt(
          operation == .fetch ? ["clone", url, "copy"] : ["-C", "work", "push", url, "main"])
        #expect(!outcome.isSuccess)
        #expect(outcome.text.contains("artifacts-gateway: the upstream answered 500: boom"), "\(outcome.text)")
        #expect(!outcome.text.contains("Everything up-to-date"))
      }
    }
  }
}
