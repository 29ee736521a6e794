import EventLoop
import GatewayTestSupport
import Glibc
import HTTPCore
import Testing

@Suite(.enabled(if: RunningBinary.isThere), .timeLimit(.minutes(5))) struct ReadyCommandTests {
  private func ready(_ arguments: String..., variables: [String: String] = [:]) async throws -> (
    code: Int, text: String
  ) {
    try await withTemporaryFolder { try await RunningBinary.run(["ready"] + arguments, in: $0, variables) }
  }

  @Test func `a gateway that is ready is found by flag, by variable and by Unix socket`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/socket"
      try await BinaryTests.withLocal(in: folder, ["--listen", "unix:\(path)"]) { binary, base in
        // The Unix socket is listened on last.
        _ = try await binary.output.line(containing: "unix:\(path)")
        for (arguments, variables) in [
          (["--url", base], [:]), ([], ["ARTIFACTS_GATEWAY_URL": base]), (["--url", "unix:\(path)"], [:]),
        ] as [([String], [String: String])] {
          let outcome = try await RunningBinary.run(["ready", "--wait", "20s"] + arguments, in: folder, variables)
          #expect(outcome.code == 0 && outcome.text.hasPrefix("ready: "), "\(outcome.text)")
        }
      }
    }
  }

  @Test func `the reasons of a gateway that is not ready are told`() async throws {
    let group = try TestLoops.take()
    defer { TestLoops.give(group) }
    let server = ScriptedServer(on: group.loops[0]) { _ in .response(503, text: "[-] draining\n[-] a\u{1b}[31mb\n") }
    let port = try await server.start()
    let outcome = try await ready("--url", "http://127.0.0.1:\(port)")
    #expect(outcome.code == 69)
    #expect(outcome.text.contains("not ready: http://127.0.0.1:\(port): [-] draining; [-] a"), "\(outcome.text)")
    #expect(!outcome.text.contains("\u{1b}"))
    #expect(await server.requests.map(\.head.target) == ["/readyz"])
    await server.stop()
  }

  @Test func `it goes on asking until the gateway is ready`() async throws {
    let group = try TestLoops.take()
    defer { TestLoops.give(group) }
    let count = Counter()
    let server = ScriptedServer(on: group.loops[0]) { _ in
      count.next() < 3 ? .response(503, text: "starting") : .response(200, text: "ok")
    }
    let url = "http://127.0.0.1:\(try await server.start())"
    #expect(try await ready("--url", url, "--wait", "60s").code == 0)
    #expect(count.value == 4)
    await server.stop()
  }

  @Test func `nobody there is told at the end of the time, or at once without one`() async throws {
    for arguments in [[], ["--wait", "1"]] {
      let outcome = try await withTemporaryFolder {
        try await RunningBinary.run(["ready", "--url", "http://127.0.0.1:1"] + arguments, in: $0)
      }
      #expect(outcome.code == 69 && outcome.text.contains("Connection refused"), "\(outcome.text)")
    }
  }

  @Test(.enabled(if: Certificates.directory != nil))
  func `a gateway behind TLS is asked with the authority that is named, and no other`() async throws {
    try await withTemporaryFolder { folder in
      let files = ["--tls-cert", Certificates.path("good.pem"), "--tls-key", Certificates.path("good.key")]
      try await BinaryTests.withLocal(in: folder, files) { binary, _ in
        let url = "https://127.0.0.1:\(try await binary.port())"
        func ready(_ authority: String) async throws -> (code: Int, text: String) {
          try await RunningBinary.run(
            ["ready", "--url", url, "--ca-file", Certificates.path(authority)], in: folder)
        }
        #expect(try await ready("ca.pem").code == 0)
        let stranger = try await ready("other.pem")
        #expect(stranger.code == 69 && stranger.text.contains("certificate refused"), "\(stranger.text)")
        #expect(try await ready("none.pem").code == 65)
      }
    }
  }

  @Test func `what is not a URL is an error of configuration`() async throws {
    for url in ["127.0.0.1:7080", "ftp://x", "unix:", "http://x/?y"] {
      let outcome = try await ready("--url", url)
      #expect(outcome.code == 65 && outcome.text.contains("url: \"\(url)\""), "\(outcome.text)")
    }
    #expect(try await ready("--wait", "soon").code == 65)
  }
}
