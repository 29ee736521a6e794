import EventLoop
import GatewayTestSupport
import Glibc
import Testing

@Suite(.enabled(if: RunningBinary.isThere), .timeLimit(.minutes(5))) struct SecretFileTests {
  private static let account = ["ARTIFACTS_GATEWAY_ACCOUNT_ID": "0123456789abcdef0123456789abcdef"]

  private func secretFile(in folder: String, _ text: String = "canary\n", mode: mode_t) throws -> String {
    let path = folder + "/token"
    try write(text, to: path)
    chmod(path, mode)
    return path
  }

  @Test(arguments: [0o600, 0o400, 0o640, 0o604, 0o644, 0o660, 0o700, 0o711] as [mode_t])
  func `a secret that others may read is refused, unless that is meant`(mode: mode_t) async throws {
    try await withTemporaryFolder { folder in
      let path = try secretFile(in: folder, mode: mode)
      let isShared = mode & 0o044 != 0
      let named: [([String], [String: String])] = [
        (["--api-token-file", path], [:]), ([], ["ARTIFACTS_GATEWAY_API_TOKEN_FILE": path]),
        ([], ["CLOUDFLARE_API_TOKEN_FILE": path]), ([], ["CF_API_TOKEN_FILE": path]),
        (["--static-token-file", path, "--remote-template", "https://git.test/{repo}"], [:]),
      ]
      for (arguments, variables) in named {
        let variables = variables.merging(Self.account) { $1 }
        let outcome = try await RunningBinary.run(["check"] + arguments, in: folder, variables)
        #expect(outcome.code == (isShared ? 77 : 0), "\(outcome.text)")
        if isShared { #expect(outcome.text.contains("\(path) is readable by others"), "\(outcome.text)") }
        let told = try await RunningBinary.run(
          ["check", "--allow-shared-secret-files"] + arguments, in: folder, variables)
        #expect(told.code == 0, "\(told.text)")
        for text in [outcome.text, told.text] { #expect(!text.contains("canary")) }
      }
    }
  }

  @Test func `a credential of systemd may show its access list as the group's permission`() async throws {
    try await withTemporaryFolder { folder in
      try write("canary", to: folder + "/cloudflare-api-token")
      chmod(folder + "/cloudflare-api-token", 0o440)
      let variables = Self.account.merging(["CREDENTIALS_DIRECTORY": folder]) { $1 }
      let outcome = try await RunningBinary.run(["check"], in: folder, variables)
      #expect(outcome.code == 0 && outcome.text.contains("# CREDENTIALS_DIRECTORY"), "\(outcome.text)")
    }
  }

  @Test(arguments: [("", "is empty"), ("\n", "is empty"), (String(repeating: "x", count: 65_537), "64 KiB")])
  func `a file without a secret is refused at the start`(content: String, says: String) async throws {
    try await withTemporaryFolder { folder in
      let path = try secretFile(in: folder, content, mode: 0o600)
      let outcome = try await RunningBinary.run(["check", "--api-token-file", path], in: folder, Self.account)
      #expect(outcome.code == 77 && outcome.text.contains("--api-token-file: \(path)"), "\(outcome.text)")
      #expect(outcome.text.contains(says), "\(outcome.text)")
    }
  }

  @Test func `a rotated token is used without a restart, less its line end`() async throws {
    let group = try TestLoops.take()
    defer { TestLoops.give(group) }
    let api = ScriptedServer(on: group.loops[0]) { _ in
      .json(200, #"{"result":[],"success":true,"errors":[],"messages":[]}"#)
    }
    let base = "http://127.0.0.1:\(try await api.start())"
    try await withTemporaryFolder { folder in
      let path = try secretFile(in: folder, "first\n", mode: 0o600)
      let arguments = [
        "serve", "--listen", "127.0.0.1:0", "--api-base", base, "--allow-insecure-upstream", "--api-token-file", path,
      ]
      try await RunningBinary.with(arguments, in: folder, Self.account) { binary in
        let connection = try await HTTPConnection.open(port: try await binary.port(), on: binary.loop)
        func list() async throws -> Int? {
          try await connection.send(HTTPRequest("GET", "/api/v1/repos").bytes)
          return try await connection.receive()?.status
        }
        #expect(try await list() == 200)
        try write("second\r\n", to: path + ".new")
        chmod(path + ".new", 0o600)
        rename(path + ".new", path)
        #expect(try await list() == 200)
        // One that others may read is not used.
        chmod(path, 0o644)
        #expect(try await list() == 502)
        await connection.close()
      }
    }
    #expect(await api.requests.map(\.authorization) == ["Bearer first", "Bearer second"])
    await api.stop()
  }
}
