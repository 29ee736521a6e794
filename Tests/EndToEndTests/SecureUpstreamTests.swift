import ArtifactsEmulator
import Gateway
import GatewayTestSupport
import TLS
import Testing

@Suite(.enabled(if: Git.isThere && Certificates.directory != nil), .timeLimit(.minutes(5)))
struct SecureUpstreamTests {
  private func server() throws -> TLSServerContext {
    try TLSServerContext(
      certificateFile: Certificates.path("good.pem"), keyFile: Certificates.path("good.key"),
      applicationProtocols: ["http/1.1"])
  }

  @Test func `a service under TLS is used as one in the clear`() async throws {
    try await EmulatorGateway.with(tls: server(), configure: { $0.caFile = Certificates.path("ca.pem") }) { test in
      let git = test.git
      #expect(test.emulator.baseURL.hasPrefix("https://"))
      let url = try await test.seeded()
      try await git.commit(randomBytes(5 << 20), to: "big.bin", in: "work")
      try await git("-C", "work", "push", "-q", url, "main")
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<4 {
          group.addTask {
            try await git("clone", "-q", url, "copy\(number)")
            try await git.check("copy\(number)")
          }
        }
        try await group.waitForAll()
      }
      #expect(try await git.refs(in: "copy0", "refs/heads") == git.refs(of: url))
    }
  }

  @Test func `a service of another authority is refused, and git shows why`() async throws {
    try await EmulatorGateway.with(tls: server(), configure: { $0.caFile = Certificates.path("other.pem") }) { test in
      let outcome = try await test.git.attempt(["ls-remote", test.url("demo")])
      #expect(!outcome.isSuccess)
      #expect(outcome.text.contains("remote: artifacts-gateway: cannot"), "\(outcome.text)")
      #expect(outcome.text.contains("certificate"), "\(outcome.text)")
    }
  }

  /// `SSL_CERT_FILE` says where the system's trust store is (`X509_get_default_cert_file_env(3)`).
  @Test(.enabled(if: RunningBinary.isThere), arguments: [("ca.pem", true), ("other.pem", false)])
  func `without a file the system's authorities are trusted, and nobody else`(_ file: String, _ isTrusted: Bool)
    async throws
  {
    try await EmulatorGateway.with(tls: server(), configure: { $0.caFile = Certificates.path("ca.pem") }) { test in
      let url = try await test.seeded()
      let arguments = [
        "serve", "--listen", "127.0.0.1:0", "--account-id", "acct", "--allow-remote-host", "127.0.0.1",
        "--allow-private-upstream", "--api-base", "\(test.emulator.baseURL)/client/v4",
      ]
      let variables = ["CLOUDFLARE_API_TOKEN": EmulatorGateway.apiToken, "SSL_CERT_FILE": Certificates.path(file)]
      try await RunningBinary.with(arguments, in: test.folder, variables) { binary in
        let outcome = try await test.git.attempt(["ls-remote", "http://127.0.0.1:\(binary.port())/git/demo"])
        #expect(outcome.isSuccess == isTrusted, "\(outcome.text)")
        if isTrusted { #expect(try await outcome.text == test.git("ls-remote", url)) }
        #expect(outcome.text.contains("certificate") != isTrusted, "\(outcome.text)")
      }
    }
  }
}
