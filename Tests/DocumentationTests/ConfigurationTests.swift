import FoundationEssentials
import Subprocess
import SystemPackage
import Testing

@Suite struct ConfigurationTests {
  /// Runs `check` on a configuration file with this content.
  private func check(_ content: String, _ arguments: [String] = ["--local"], extra: [Environment.Key: String] = [:])
    async throws -> Ended
  {
    try await withTemporaryFolder { folder in
      try content.write(toFile: "\(folder)/c.toml", atomically: false, encoding: .utf8)
      return try await runIsolated(
        .path(FilePath(Project.program)), ["check", "--config", "c.toml"] + arguments, in: folder, extra: extra)
    }
  }

  @Test func `a flag wins over the environment, the environment over the file, the file over the default`() async throws
  {
    let file = "token_ttl = \"30m\"\nnamespace = \"team\"\nthreads = 3\n"
    let result = try await check(
      file, ["--local", "--threads", "2"],
      extra: ["ARTIFACTS_GATEWAY_TOKEN_TTL": "20m", "ARTIFACTS_GATEWAY_THREADS": "4"])
    #expect(result.status.isSuccess, "\(result.text)")
    let lines = result.text.split(separator: "\n")
    #expect(lines.contains("threads = 2  # --threads"))
    #expect(lines.contains("token_ttl = 20m  # ARTIFACTS_GATEWAY_TOKEN_TTL"))
    #expect(lines.contains("namespace = team  # c.toml:2"))
    #expect(lines.contains("drain_timeout = 60s  # default"))
  }

  @Test(
    arguments: [
      ("\n\nlisen = [\"127.0.0.1:0\"]", "c.toml:3: unknown key \"lisen\"; did you mean \"listen\"?"),
      ("\r\n\r\nthreads = 2\r\nlisen = 1\r\n", "c.toml:4: unknown key \"lisen\"; did you mean \"listen\"?"),
      ("[retries]\ncount = 1", "c.toml:1: unknown key \"retries\""),
      ("threads = 2\ntls = { cret = \"x\" }", "c.toml:2: unknown key \"tls.cret\"; did you mean \"cert\"?"),
      ("threads = 2\n[tls]\ncert = 1\nkye = 2", "c.toml:4: unknown key \"tls.kye\"; did you mean \"key\"?"),
      ("[tls]\ncert = true", "c.toml:2: tls_cert: true or false"),
      ("tls = { cert = \"x\" }", "c.toml:1: tls_cert: tls_cert and tls_key belong together"),
      ("listen = [\"https://127.0.0.1:0\"]", "c.toml:1: listen: \"https://127.0.0.1:0\" needs tls_cert"),
      ("read_only = \"yes\"", "c.toml:1: read_only: a string"),
      ("namespace = true", "c.toml:1: namespace: true or false"),
      ("# first\ntoken_ttl = 5", "c.toml:2: token_ttl: \"5\""),
      ("listen = [\"nowhere\"]", "c.toml:1: listen: \"nowhere\""),
      ("allow_host = [\"a:80\"]", "c.toml:1: allow_host: \"a:80\" is neither a name"),
      ("allow_host = \"*\"", "c.toml:1: allow_host: \"*\" is neither a name"),
      ("listen = [1]", "c.toml:1: listen: a list of strings"),
      ("threads = 0.5", "c.toml:1: threads"),
      ("token_ttl = ", "c.toml:1: "),
      ("namespace = \"-x\"", "c.toml:1: namespace: \"-x\""),
      ("log_level = \"loud\"", "c.toml:1: log_level: \"loud\""),
    ])
  func `what is wrong is named with file, line and key`(content: String, complaint: String) async throws {
    let result = try await check(content)
    #expect(result.status == .exited(65))
    #expect(result.text.contains(complaint), "\(result.text)")
  }

  @Test func `a file that is not there is an error`() async throws {
    let result = try await withTemporaryFolder {
      try await runIsolated(.path(FilePath(Project.program)), ["check", "--local", "--config", "none.toml"], in: $0)
    }
    #expect(result.status == .exited(65))
    #expect(result.text.contains("none.toml"))
  }

  @Test func `a secret is never printed`() async throws {
    let result = try await check(
      "", [], extra: ["CLOUDFLARE_API_TOKEN": "canary-value", "CLOUDFLARE_ACCOUNT_ID": "0123"])
    #expect(result.status.isSuccess, "\(result.text)")
    #expect(result.text.contains("api_token = [redacted]  # CLOUDFLARE_API_TOKEN"))
    #expect(!result.text.contains("canary-value"))
  }
}
