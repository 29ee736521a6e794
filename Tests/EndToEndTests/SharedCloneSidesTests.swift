import EventLoop
import Gateway
import GatewayTestSupport
import TLS
import Testing

/// Packs from the cache over each way that a client may come.
@Suite(.enabled(if: Git.isThere && Certificates.directory != nil), .timeLimit(.minutes(5)))
struct SharedCloneSidesTests {
  private func with(_ body: (EmulatorGateway, _ secure: UInt16) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      try await EmulatorGateway.with(configure: { $0.cacheDirectory = folder + "/packs" }) { test in
        let files = TLSServerFiles(certificate: Certificates.path("good.pem"), key: Certificates.path("good.key"))
        let address = try await test.gateway.listen(on: ListenerConfiguration(.v4(0x7f00_0001, port: 0), tls: files))
        try await test.seeded()
        try await test.git.commit(randomBytes(3 << 20), to: "big.bin", in: "work")
        try await test.git("-C", "work", "push", "-q", test.url("demo"), "main")
        try await body(test, try #require(address.port))
      }
    }
  }

  private func fetch(_ test: EmulatorGateway) async throws -> HTTPRequest {
    let head = try await test.git("-C", "work", "rev-parse", "main").prefix(40)
    return GitOperation.fetch([String(head)], ["no-progress", "done"])
  }

  @Test func `a hit has the same bytes in the clear, over TLS and over HTTP-2`() async throws {
    try await with { test, secure in
      let request = try await fetch(test)
      var first: [UInt8] = []
      for _ in 0..<3 { first = try await test.ask(request).body }
      #expect(first.count > 3 << 20)
      try write(request.body, to: test.folder + "/request")
      for version in ["--http1.1", "--http2", "--http1.0"] {
        for url in [test.url("demo"), "https://127.0.0.1:\(secure)/git/demo"] {
          // HTTP/2 is agreed on by TLS, and HTTP/1.0 is no protocol that TLS can agree on.
          if url.hasPrefix(version == "--http2" ? "http:" : version == "--http1.0" ? "https:" : "ftp:") { continue }
          let outcome = try await ExternalTool("curl").run(
            [
              "-sS", version, "--cacert", Certificates.path("ca.pem"), "-H", "Git-Protocol: version=2", "-H",
              "Content-Type: application/x-git-upload-pack-request", "--data-binary", "@request", "-o", "body", "-D",
              "head",
              "\(url)/git-upload-pack",
            ], in: test.folder)
          #expect(outcome.isSuccess, "\(version) \(outcome.text)")
          let head = try contents(of: test.folder + "/head").lowercased()
          #expect(head.contains("x-artifacts-gateway-cache: hit"), "\(version) \(head)")
          let isSame = try await test.git.sameBytes("body", as: first)
          #expect(isSame, "\(version) \(url)")
        }
      }
    }
  }

  @Test func `clones over TLS come from the cache, too`() async throws {
    try await with { test, secure in
      var git = test.git
      git.variables["GIT_SSL_CAINFO"] = Certificates.path("ca.pem")
      for number in 0..<3 {
        try await git("clone", "-q", "https://127.0.0.1:\(secure)/git/demo", "copy\(number)")
        try await git.check("copy\(number)")
      }
      let figures = try JSONTree(parsing: try await test.ask(HTTPRequest("GET", "/api/v1/cache")).body)
      #expect(figures["hits"].number == 2)
    }
  }
}

extension Git {
  /// Whether a file in the folder has these bytes.
  fileprivate func sameBytes(_ file: String, as bytes: [UInt8]) async throws -> Bool {
    try write(bytes, to: folder + "/wanted")
    return try await ExternalTool("cmp").run([file, "wanted"], in: folder).isSuccess
  }
}
