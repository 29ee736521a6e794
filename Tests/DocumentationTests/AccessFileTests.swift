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
        "[auth]\nunix_peers = true\n[[auth.listener]]\naddress = \"127.0.0.1:0\"\naccept = [\"unix\"]\n",
        "access.toml:5: auth.listener.accept: \"unix\" is for Unix sockets"
      ),
      (
        "[auth]\nunix_peers = true\n[[auth.listener]]\naddress = \"unix:/s\"\naccept = [\"unix\"]\n"
          + "[[auth.listener]]\naddress = \"unix:/s\"\naccept = [\"unix\"]",
        "access.toml:7: auth.listener.address: unix:/s is named twice"
      ),
      (
        "[auth]\nunix_peers = true\n[[auth.listener]]\naddress = \"127.0.0.1:0\"\naccept = [\"anonymous\"]\n",
        "access.toml:5: auth.listener.accept: \"anonymous\" needs [[rule]]"
      ),
      (
        "[auth]\nunix_peers = true\n[[auth.listener]]\naddress = \"unix:/s\"\naccept = [\"unix\"]\n",
        "access.toml: auth.listener.address: nothing listens on unix:/s"
      ),
      ("[auth]\nclient_certificates = true\n", "access.toml: auth.client_certificates: it needs tls_client_ca"),
      ("[auth]\ntoken_file = \"none\"\n", "none: cannot be read"),
      ("[auth\n", "access.toml:1: "),
      ("[[limit]]\nwho = [\"*\"]", "access.toml:1: limit: it limits nothing"),
      ("[[limit]]\ntransfers = 1", "access.toml:1: limit: \"who\" is missing"),
      ("[[limit]]\nwho = [\"group:devs\"]\ntransfers = 1", "access.toml:2: limit.who: there is no group \"devs\""),
      ("[[limit]]\nwho = [\"*\"]\ntransfers = 0", "access.toml:3: limit.transfers: "),
      (
        "[[limit]]\nwho = [\"*\"]\ntransfers = 1\nburst = 2", "access.toml:4: limit.burst: it needs requests_per_second"
      ),
      ("[[limit]]\nwho = [\"*\"]\nbytes_per_day = \"much\"", "access.toml:3: limit.bytes_per_day: "),
      (
        "[push_guard]\nmax_flie = \"1MB\"",
        "access.toml:2: unknown key \"push_guard.max_flie\"; did you mean \"max_file\"?"
      ),
      ("[push_guard]", "access.toml:1: push_guard: it limits nothing"),
    ])
  func `what is wrong is named with file, line and key`(content: String, complaint: String) async throws {
    let result = try await check(content)
    #expect(result.status == .exited(65), "\(result.text)")
    #expect(result.text.contains(complaint), "\(result.text)")
  }

  @Test func `each access file of the README is a good one`() async throws {
    let blocks = Snippet.all(in: try Project.text(of: "README.md"))
      .filter { $0.language == "toml" && $0.text.contains("[[") }
    #expect(blocks.count >= 2)
    for block in blocks {
      let result = try await check(block.text)
      #expect(result.status.isSuccess, "README.md:\(block.line): \(result.text)")
    }
  }

  @Test func `check prints which file it is`() async throws {
    let result = try await check("[auth]\nunix_peers = true\n")
    #expect(result.status.isSuccess, "\(result.text)")
    #expect(result.text.contains("access_file = access.toml  # --access-file"))
    #expect(result.text.contains("# 127.0.0.1:7080 accepts nobody\n"))
  }

  @Test func `a file that is not there is an error`() async throws {
    let result = try await check("", ["--access-file", "none.toml"])
    #expect(result.status == .exited(65))
    #expect(result.text.contains("none.toml: cannot be read"))
  }

  @Test(
    arguments: [
      ("report", "0.0.0.0:0", [], 65), ("report", "0.0.0.0:0", ["--allow-anonymous"], 0),
      ("report", "127.0.0.1:0", [], 0), ("enforce", "0.0.0.0:0", [], 0),
    ] as [(String, String, [String], Int32)])
  func `who shows nothing is let in beyond loopback only where rules refuse, or that is meant`(
    mode: String, address: String, options: [String], code: Int32
  ) async throws {
    let content = """
      mode = "\(mode)"

      [auth]
      unix_peers = true

      [[auth.listener]]
      address = "\(address)"
      accept = ["anonymous"]

      [[rule]]
      name = "all"
      who = ["*"]
      repos = ["**"]
      allow = ["read"]
      """
    let result = try await check(content, ["--listen", address] + options)
    #expect(result.status == .exited(code), "\(result.text)")
    let complaint = "access.toml: auth.listener.accept: with mode = \"report\" and \"anonymous\" whoever reaches"
    #expect(result.text.contains(complaint) == (code != 0), "\(result.text)")
  }
}
