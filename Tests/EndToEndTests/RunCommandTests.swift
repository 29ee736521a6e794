import ArtifactsEmulator
import GatewayTestSupport
import Glibc
import Testing

/// `run -- CMD` with the real program and the real git.
@Suite(.enabled(if: Git.isThere && RunningBinary.isThere), .timeLimit(.minutes(5))) struct RunCommandTests {
  private static let identity = [
    "GIT_AUTHOR_NAME": "Test", "GIT_AUTHOR_EMAIL": "test@localhost", "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@localhost", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
  ]

  /// Runs a script of sh in local mode.
  private func local(
    _ script: String, in folder: String, _ options: [String] = [], _ variables: [String: String] = [:]
  ) async throws -> (code: Int, text: String) {
    try await RunningBinary.run(
      ["run", "--local", "--data-dir", folder + "/data"] + options + ["--", "sh", "-ec", script], in: folder,
      Self.identity.merging(variables) { $1 })
  }

  /// What makes a gateway use the embedded service of a test.
  private func options(_ test: EmulatorGateway) throws -> [String] {
    let file = test.folder + "/token"
    try write(EmulatorGateway.apiToken, to: file)
    return [
      "--account-id", "acct", "--api-base", "\(test.emulator.baseURL)/client/v4", "--allow-insecure-upstream",
      "--allow-remote-host", "127.0.0.1", "--api-token-file", file,
    ]
  }

  @Test func `a clone and a push by the service's own URL go through the gateway, which is gone afterwards`()
    async throws
  {
    try await withTemporaryFolder { folder in
      let script = """
        git clone -q https://0123.artifacts.cloudflare.net/git/default/hello.git work
        cd work
        echo more > more.txt
        git add more.txt
        git commit -qm more
        git push -q
        git clone -q "$ARTIFACTS_GATEWAY_URL/git/hello" ../again
        test -f ../again/more.txt
        git config remote.origin.url
        echo "$ARTIFACTS_GATEWAY_URL" > "$HOME/url"
        """
      let outcome = try await local(script, in: folder, ["--account-id", "0123"])
      #expect(outcome.code == 0, "\(outcome.text)")
      // The clone remembers the service, not the gateway; nothing else is said.
      #expect(outcome.text == "https://0123.artifacts.cloudflare.net/git/default/hello.git\n")
      let url = try contents(of: folder + "/url").split(separator: "\n").joined()
      #expect(try await RunningBinary.run(["ready", "--url", url], in: folder).code == 69)
    }
  }

  @Test func `the remotes of the embedded service are led to the gateway, and its tokens are revoked at the end`()
    async throws
  {
    try await EmulatorGateway.with { test in
      try await test.seeded()
      func active() async throws -> String {
        try await test.askService("GET", "/namespaces/default/repos/demo/tokens?state=active").text
      }
      let before = try await active()
      let script = """
        git clone -q \(test.emulator.baseURL)/git/default/demo.git copy
        cd copy
        git commit -q --allow-empty -m more
        git push -q
        """
      let outcome = try await RunningBinary.run(
        ["run"] + options(test) + ["--", "sh", "-ec", script], in: test.folder, Self.identity)
      #expect(outcome.code == 0 && outcome.text == "", "\(outcome.text)")
      let minted = try await test.askService("GET", "/namespaces/default/repos/demo/tokens?state=revoked").text
      #expect(minted.contains("\"scope\":\"read\"") && minted.contains("\"scope\":\"write\""), "\(minted)")
      #expect(try await active() == before)
    }
  }

  @Test(arguments: [
    (["sh", "-c", "exit 0"], 0), (["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -TERM $$"], 143),
    (["sh", "-c", "kill -KILL $$"], 137), (["no-such-command"], 127), (["/"], 126), (["./no-interpreter"], 126),
  ])
  func `the code is the command's`(command: [String], code: Int) async throws {
    try await withTemporaryFolder { folder in
      try write("\u{7f}neither a program nor a script\n", to: folder + "/no-interpreter")
      chmod(folder + "/no-interpreter", 0o700)
      let outcome = try await RunningBinary.run(
        ["run", "--local", "--data-dir", folder + "/data", "--"] + command, in: folder)
      #expect(outcome.code == code, "\(outcome.text)")
      if code == 127 { #expect(outcome.text == "artifacts-gateway: no-such-command: not found\n") }
    }
  }

  @Test func `read-only refuses pushes and nothing else`() async throws {
    try await withTemporaryFolder { folder in
      let script = """
        git clone -q "$ARTIFACTS_GATEWAY_URL/git/hello" work
        cd work
        git commit -q --allow-empty -m more
        git push -q || exit 9
        """
      let outcome = try await local(script, in: folder, ["--read-only"])
      #expect(outcome.code == 9 && outcome.text.contains("this gateway is read-only"), "\(outcome.text)")
    }
  }

  @Test func `the command sees no API token, and its other variables byte for byte`() async throws {
    try await EmulatorGateway.with { test in
      let secrets = [
        "CLOUDFLARE_API_TOKEN": EmulatorGateway.apiToken, "CF_API_TOKEN": "canary", "CF_API_TOKEN_FILE": "/canary",
      ]
      let arguments =
        ["run"] + (try options(test)).filter { $0 != "--api-token-file" && !$0.hasSuffix("/token") }
        + ["--", "sh", "-c", "env; printf %s \"$ODD\" | od -An -tx1"]
      let outcome = try await RunningBinary.run(
        arguments, in: test.folder, secrets.merging(["ODD": "a=b\n\u{e9}"]) { $1 })
      #expect(outcome.code == 0, "\(outcome.text)")
      #expect(!outcome.text.contains(EmulatorGateway.apiToken) && !outcome.text.contains("canary"))
      #expect(outcome.text.contains("61 3d 62 0a c3 a9"), "\(outcome.text)")
      #expect(outcome.text.contains("NO_PROXY=localhost,127.0.0.1,::1"), "\(outcome.text)")
    }
  }

  @Test func `settings that the environment has for git stay, and what would lead around the gateway does not count`()
    async throws
  {
    try await withTemporaryFolder { folder in
      try write(
        """
        [http]
        \tproxy = http://127.0.0.1:1
        \textraHeader = X-Canary: 1
        [credential]
        \thelper = !touch helper-was-asked; false
        [url "http://127.0.0.1:1/"]
        \tinsteadOf = https://0123.artifacts.cloudflare.net/git/
        """, to: folder + "/config")
      let variables = [
        "GIT_CONFIG_GLOBAL": folder + "/config", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.nickname",
        "GIT_CONFIG_VALUE_0": "kept", "http_proxy": "http://127.0.0.1:1", "NO_PROXY": "example.com",
      ]
      let script = """
        git config user.nickname
        echo "$NO_PROXY $no_proxy"
        GIT_TRACE_CURL=1 git ls-remote https://0123.artifacts.cloudflare.net/git/default/hello.git 2> trace
        ! grep -i x-canary trace
        """
      let outcome = try await local(script, in: folder, ["--account-id", "0123"], variables)
      #expect(outcome.code == 0, "\(outcome.text)")
      let lines = outcome.text.split(separator: "\n")
      #expect(lines.first == "kept" && lines.last?.hasSuffix("refs/heads/main") == true, "\(outcome.text)")
      #expect(lines.dropFirst().first?.hasPrefix("example.com,localhost,127.0.0.1,::1 ") == true, "\(outcome.text)")
      #expect(access(folder + "/helper-was-asked", F_OK) != 0)
    }
  }

  @Test(arguments: [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2])
  func `signals reach the command, and the program waits for it`(signal: CInt) async throws {
    try await withTemporaryFolder { folder in
      let script = """
        trap 'echo got; git ls-remote -q "$ARTIFACTS_GATEWAY_URL/git/hello" && exit 3' \(signal)
        echo "ready"
        while true; do sleep 0.05; done
        """
      let arguments = ["run", "--local", "--data-dir", folder + "/data", "--", "sh", "-c", script]
      try await RunningBinary.with(arguments, in: folder, Self.identity) { binary in
        _ = try await binary.output.line(containing: "ready")
        await binary.send(signal)
        // The gateway serves the command to its end.
        _ = try await binary.output.line(containing: "refs/heads/main")
        #expect(try await binary.exitCode() == 3)
      }
    }
  }

  @Test(.enabled(if: Git.tool("python3"))) func `a key of the terminal is one signal to the command, not two`()
    async throws
  {
    try await withTemporaryFolder { folder in
      let program = """
        import os, pty, sys, time
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(sys.argv[1], sys.argv[1:])
        seen = b""
        while b"listening" not in seen: seen += os.read(terminal, 1000)
        os.write(terminal, b"\\x03")
        while b"end" not in seen:
            try: seen += os.read(terminal, 1000)
            except OSError: break
        _, status = os.waitpid(pid, 0)
        print(os.WEXITSTATUS(status), seen.count(b"interrupted"))
        """
      let script = """
        trap 'echo interrupted' INT
        echo listening
        for i in $(seq 20); do sleep 0.05; done
        echo end
        exit 4
        """
      let arguments = ["run", "--local", "--data-dir", folder + "/data", "--", "bash", "-c", script]
      let outcome = try await ExternalTool("python3").run(
        ["-c", program, RunningBinary.path ?? ""] + arguments, in: folder)
      #expect(outcome.text == "4 1\n", "\(outcome.text)")
    }
  }

  @Test func `a command whose gateway was killed comes to its end`() async throws {
    try await withTemporaryFolder { folder in
      let script =
        "echo ready; while git ls-remote -q \"$ARTIFACTS_GATEWAY_URL/git/hello\" > /dev/null 2>&1; do :; done; echo over"
      let arguments = ["run", "--local", "--data-dir", folder + "/data", "--", "sh", "-c", script]
      try await RunningBinary.with(arguments, in: folder, Self.identity) { binary in
        _ = try await binary.output.line(containing: "ready")
        await binary.send(SIGKILL)
        _ = try await binary.output.line(containing: "over")
      }
    }
  }

  @Test func `a gateway that does not start ends with its own code, and the command is not run`() async throws {
    for (options, code) in [
      (["run", "--", "touch", "x"], 77), (["run"], 64),
      (["run", "--local", "--token-ttl", "5", "--", "touch", "x"], 65),
    ] {
      try await withTemporaryFolder { folder in
        let outcome = try await RunningBinary.run(options, in: folder)
        #expect(outcome.code == code, "\(outcome.text)")
        #expect(access(folder + "/x", F_OK) != 0)
      }
    }
  }
}
