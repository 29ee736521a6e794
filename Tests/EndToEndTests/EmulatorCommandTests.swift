import GatewayTestSupport
import Glibc
import Testing

/// The flow of Cloudflare's own example for a git client, against the embedded service alone.
@Suite(.enabled(if: Git.isThere && RunningBinary.isThere), .timeLimit(.minutes(5))) struct EmulatorCommandTests {
  private func value(_ name: String, in text: String) throws -> String {
    let parts = text.split(separator: "\"\(name)\":\"", maxSplits: 1)
    guard parts.count == 2 else { throw TestFailure("no \(name) in \(text)") }
    return String(parts[1].prefix { $0 != "\"" })
  }

  @Test func `a repo is looked up, a token minted, and both forms of a clone work`() async throws {
    try await withTemporaryFolder { folder in
      let arguments = ["emulator", "--listen", "127.0.0.1:0", "--data-dir", folder + "/data"]
      try await RunningBinary.with(arguments, in: folder) { binary in
        let port = try await binary.port()
        let apiToken = try await binary.output.line(containing: "API token: ").split(separator: " ").last ?? ""
        let base = "/client/v4/accounts/acct/artifacts/namespaces/default"
        func ask(_ method: String, _ path: String, _ body: String = "") async throws -> String {
          let request = HTTPRequest(
            method, base + path,
            [("Authorization", "Bearer \(apiToken)"), ("Content-Type", "application/json"), ("Connection", "close")],
            body: Array(body.utf8))
          let connection = try await HTTPConnection.open(port: port, on: binary.loop)
          try await connection.send(request.bytes)
          let answer = try await connection.receive()
          await connection.close()
          guard let answer, (200..<300).contains(answer.status) else {
            throw TestFailure("\(String(describing: answer))")
          }
          return answer.text
        }
        let git = Git(in: folder)
        let created = try await ask("POST", "/repos", #"{"name":"starter-repo"}"#)
        try await git.workTree("work")
        let write = try value("token", in: created)
        let remote = try value("remote", in: try await ask("GET", "/repos/starter-repo"))
        #expect(remote == "http://127.0.0.1:\(port)/git/default/starter-repo.git")
        try await git(
          "-c", "http.extraHeader=Authorization: Bearer \(write)", "-C", "work", "push", "-q", remote, "main")

        let minted = try await ask("POST", "/tokens", #"{"repo":"starter-repo","scope":"read","ttl":3600}"#)
        let token = try value("plaintext", in: minted)
        try await git("-c", "http.extraHeader=Authorization: Bearer \(token)", "clone", "-q", remote, "artifacts-clone")
        let secret = token.prefix { $0 != "?" }
        let withToken = "http://x:\(secret)@\(remote.dropFirst("http://".count))"
        try await git("clone", "-q", withToken, "other-clone")
        for clone in ["artifacts-clone", "other-clone"] {
          #expect(try contents(of: "\(folder)/\(clone)/README.md") == "# work\n")
          try await git.check(clone)
        }
        // A read token opens no push.
        let push = try await git.attempt([
          "-c", "http.extraHeader=Authorization: Bearer \(token)", "-C", "work", "push", remote, "main:other",
        ])
        #expect(!push.isSuccess && push.text.contains("Insufficient permissions"))
        await binary.send(SIGTERM)
        #expect(try await binary.exitCode() == 0)
      }
    }
  }
}
