import FoundationEssentials
import Subprocess
import SystemPackage
import Testing

@Suite struct AccessFileTests {
  /// Runs `check` with an access file of this content.
  private func check(_ content: String, _ arguments: [String] = []) async throws -> Ended {
    try await withTemporaryFolder { folder in
      try content.write(toFile: "\(folder)/access.toml", atomically: false, encoding: .utf8)
      return try await runIsolated(
        .path(FilePath(Project.program)), ["check", "--local", "--access-file", "access.toml"] + arguments, in: folder)
    }
  }

  @Test(
    arguments: [
      ("\n\nmoed = \"report\"", "access.toml:3: unknown key \"moed\"; did you mean \"mode\"?"),
      ("mode = \"reprot\"", "access.toml:1: mode: \"reprot\" does not do: one of enforce, report is wanted"),
      ("mode = 1", "access.toml:1: mode: a string is wanted"),
      ("auth = 1", "access.toml:1: auth: a table is wanted"),
      (
        "# first\n[auth]\nunix_peer = true",
        "access.toml:3: unknown key \"auth.unix_peer\"; did you mean \"unix_peers\"?"
      ),
      ("[auth]\nunix_peers = \"yes\"", "access.toml:2: auth.unix_peers: true or false is wanted"),
      ("[auth]\n\nrealm = \"a\\\"b\"\nunix_peers = true", "access.toml:3: auth.realm: 1 to 128 printable"),
      ("[auth]\nunix_peers = false", "access.toml:1: auth: it says no way to show who one is"),
      (
        "[auth]\nunix_peers = true\n[[auth.listener]]\naddress = \"here\"\naccept = [\"unix\"]",
        "access.toml:4: auth.listener.address: \"here\" is not an address"
      ),
      (
        "[auth]\nunix_peers = true\n[[auth.listener]]\naddress = \"127.0.0.1:0\"",
        "access.toml:3: auth.listener: \"accept\" is missing"
      ),
      (
        "[auth]\nunix_peers = true\n[[auth.listener]]\naddress = \"127.0.0.1:0\"\n\naccept = [\"tokne\"]",
        "access.toml:6: auth.listener.accept: \"tokne\" does not do: did you mean \"token\"?"
      ),
      (
        "[auth]\nunix_peers = true\n[[auth.listener]]\naddress = \"127.0.0.1:0\"\naccept = [\"token\"]",
        "access.toml:5: auth.listener.accept: \"token\" needs auth.token_file"
      ),
      (
        "[auth]\nunix_peers = true\n[[auth.listener]]\naddress = \"127.0.0.1:0\"\naccept = [\"unix\"]\n"
          + "[[auth.listener]]\naddress = \"127.0.0.1:0\"\naccept = [\"unix\"]",
        "access.toml:7: auth.listener.address: 127.0.0.1:0 is named twice"
      ),
      ("[auth\n", "access.toml:1: "),
    ])
  func `what is wrong is named with file, line and key`(content: String, complaint: String) async throws {
    let result = try await check(content)
    #expect(result.status == .exited(65), "\(result.text)")
    #expect(result.text.contains(complaint), "\(result.text)")
  }

  @Test func `check prints which file it is`() async throws {
    let result = try await check("[auth]\nunix_peers = true\n")
    #expect(result.status.isSuccess, "\(result.text)")
    #expect(result.text.contains("access_file = access.toml  # --access-file"))
  }

  @Test func `a file that is not there is an error`() async throws {
    let result = try await check("", ["--access-file", "none.toml"])
    #expect(result.status == .exited(65))
    #expect(result.text.contains("none.toml: cannot be read"))
  }
}
