import EventLoop
import GatewayTestSupport
import TLS
import Testing

@Suite(.timeLimit(.minutes(1)))
struct VerificationTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var trust = "ca.pem"
    var certificate = "good"
    var name = Certificates.serverName
    let reason: String?
  }

  @Test(arguments: [
    Case(testDescription: "the right name", reason: nil),
    Case(testDescription: "the right address", name: "127.0.0.1", reason: nil),
    Case(testDescription: "the certificate itself is trusted", trust: "good.pem", reason: nil),
    Case(testDescription: "another host", name: "elsewhere.test", reason: "hostname mismatch"),
    Case(testDescription: "another address", name: "127.0.0.2", reason: "IP address mismatch"),
    Case(testDescription: "an unknown authority", trust: "other.pem", reason: "unable to get local issuer certificate"),
    Case(testDescription: "an expired certificate", certificate: "expired", reason: "certificate has expired"),
  ])
  func `a certificate is taken for what it says`(_ example: Case) async throws {
    try await Connection.open { connection in
      try await connection.start(
        .trusting(example.trust), .having(example.certificate), name: example.name)
      let failure = try await connection.handshake().client
      guard let reason = example.reason else {
        #expect(failure == nil)
        return
      }
      guard case .verification(let told, let queue) = failure?.kind else {
        Issue.record("\(String(describing: failure))")
        return
      }
      #expect(told == reason)
      #expect(queue.contains("certificate verify failed"))
      #expect(failure?.description.contains("TLS with \(example.name): certificate refused: \(reason)") == true)
    }
  }

  @Test func `the system's trust store does not know the test authority`() async throws {
    try await Connection.open { connection in
      try await connection.start(TLSClientContext(), .having())
      guard case .verification = try await connection.handshake().client?.kind else {
        Issue.record("accepted")
        return
      }
    }
  }

  @Test(arguments: ["", "server.test\0.elsewhere"])
  func `a name that would weaken the check is refused`(_ name: String) async throws {
    try await Connection.open { connection in
      let context = try TLSClientContext.trusting()
      await #expect(throws: TLSError.self) { try await connection.client.startClient(context, name: name, key: "") }
    }
  }

  @Test func `a file that is missing or wrong is named`() throws {
    let missing = Certificates.path("missing.pem")
    let errors = [
      #expect(throws: TLSError.self) { _ = try TLSClientContext.trusting("missing.pem") },
      #expect(throws: TLSError.self) {
        _ = try TLSServerContext(certificateFile: missing, keyFile: Certificates.path("good.key"))
      },
      #expect(throws: TLSError.self) {
        _ = try TLSServerContext(certificateFile: Certificates.path("good.pem"), keyFile: missing)
      },
    ]
    for error in errors {
      #expect(error?.description.contains("missing.pem") == true)
      #expect(error?.description.contains("No such file or directory") == true)
    }
  }

  @Test(arguments: ["expired.key", "locked.key"])
  func `a key of another certificate or with a passphrase is refused`(_ key: String) throws {
    let error = #expect(throws: TLSError.self) {
      _ = try TLSServerContext(certificateFile: Certificates.path("good.pem"), keyFile: Certificates.path(key))
    }
    #expect(error?.description.contains(key) == true)
  }

  @Test(arguments: ["", String(repeating: "x", count: 256)])
  func `a protocol name of a length that ALPN cannot carry is refused`(_ name: String) throws {
    #expect(throws: TLSError.self) { _ = try TLSClientContext.trusting(protocols: [name]) }
  }
}
