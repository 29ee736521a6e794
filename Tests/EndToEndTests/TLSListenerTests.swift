import EventLoop
import Gateway
import GatewayTestSupport
import Glibc
import HTTPCore
import HTTPTransport
import TLS
import Testing

@Suite(.enabled(if: Git.isThere && RunningBinary.isThere && Certificates.directory != nil), .timeLimit(.minutes(5)))
struct TLSListenerTests {
  /// Copies of a certificate and its key that a test may change.
  private struct Identity {
    let folder: String
    var files: TLSServerFiles { TLSServerFiles(certificate: folder + "/tls.pem", key: folder + "/tls.key") }

    /// Puts new files into the place of the old ones, each in one step.
    func become(_ name: String) throws {
      for part in ["key", "pem"] {
        try write(try contents(of: Certificates.path("\(name).\(part)")), to: "\(folder)/new")
        chmod("\(folder)/new", 0o600)
        rename("\(folder)/new", "\(folder)/tls.\(part)")
      }
    }
  }

  private func trusting(_ git: Git) -> Git {
    var git = git
    git.variables["GIT_SSL_CAINFO"] = Certificates.path("ca.pem")
    return git
  }

  @Test func `git works over TLS, and beside it in the clear`() async throws {
    try await EmulatorGateway.with { test in
      let files = TLSServerFiles(certificate: Certificates.path("good.pem"), key: Certificates.path("good.key"))
      let secure = try await test.gateway.listen(
        on: ListenerConfiguration(.v4(0x7f00_0001, port: 0), tls: files))
      let plain = try await test.seeded()
      let url = "https://127.0.0.1:\(secure.port ?? 0)/git/demo"
      let git = trusting(test.git)
      try await git("clone", "-q", url, "copy")
      try await git.commit(randomBytes(3 << 20), to: "big.bin", in: "copy")
      try await git("-C", "copy", "push", "-q", "origin", "main")
      try await git("clone", "-q", plain, "other")
      #expect(try await git.refs(in: "other", "refs/heads") == git.refs(in: "copy", "refs/heads"))
      // Who does not know the authority does not get in.
      #expect(try await !test.git.attempt(["ls-remote", url]).isSuccess)
      let hint = try await git.attempt(["ls-remote", "https://127.0.0.1:\(secure.port ?? 0)/git/nope"])
      #expect(hint.text.contains("curl -X PUT https://127.0.0.1:\(secure.port ?? 0)/api/v1/repos/nope"), "\(hint.text)")
    }
  }

  @Test func `a new certificate is shown to new connections, and nobody is dropped`() async throws {
    try await withTemporaryFolder { folder in
      let identity = Identity(folder: folder)
      try identity.become("good")
      let outcomes = Outcomes()
      let context = try ReloadingServerContext(
        identity.files, applicationProtocols: ["http/1.1"], interval: .zero, onReload: { outcomes.add($0) })
      try await onLoop { loop in
        let group = try TestLoops.take()
        defer { TestLoops.give(group) }
        let server = HTTPServer(on: group) { _ in Hello() }
        let port = try await server.listen(on: .v4(0x7f00_0001, port: 0), tls: context.current).address.port ?? 0
        let origin = Origin(isSecure: true, host: "127.0.0.1", port: port)
        func pool(trusting file: String) throws -> UpstreamPool {
          UpstreamPool(
            on: loop, resolver: Resolver(), tls: try TLSClientContext(caFile: Certificates.path(file)))
        }
        func ask(_ pool: UpstreamPool) async throws -> Int {
          try await HTTPClient(pool).send(.get, "/", to: origin, fields: Fields(), isReplayable: false).status
        }
        // Each trusts one leaf and nothing else.
        let (old, new, fresh) = try (
          pool(trusting: "good.pem"), pool(trusting: "renewed.pem"), pool(trusting: "good.pem")
        )
        #expect(try await ask(old) == 200)
        await #expect(throws: TransportError.self) { _ = try await ask(new) }
        try identity.become("renewed")
        #expect(try await ask(new) == 200)
        await #expect(throws: TransportError.self) { _ = try await ask(fresh) }
        // The connection from before goes on.
        #expect(old.idleCount == 1)
        #expect(try await ask(old) == 200)
        // What does not load changes nothing.
        try write("no certificate", to: identity.files.certificate)
        new.closeIdle()
        #expect(try await ask(new) == 200)
        for pool in [old, new, fresh] { pool.closeIdle() }
        _ = await server.drain(timeout: .seconds(5))
      }
      #expect(outcomes.all.first == .some(nil))
      #expect(outcomes.all.last??.contains("tls.pem") == true)
    }
  }

  @Test func `with client authorities only those with a certificate get in`() async throws {
    try await withTemporaryFolder { folder in
      let arguments = [
        "serve", "--local", "--data-dir", folder + "/data", "--listen", "0.0.0.0:0", "--tls-cert",
        Certificates.path("good.pem"), "--tls-key", Certificates.path("good.key"), "--tls-client-ca",
        Certificates.path("ca.pem"),
      ]
      try await RunningBinary.with(arguments, in: folder) { binary in
        let url = "https://127.0.0.1:\(try await binary.port())/git/hello"
        var git = trusting(Git(in: folder))
        #expect(try await !git.attempt(["ls-remote", url]).isSuccess)
        for (name, key, isKnown) in [("client", "client", true), ("stranger", "client", false)] {
          git.variables["GIT_SSL_CERT"] = Certificates.path("\(name).pem")
          git.variables["GIT_SSL_KEY"] = Certificates.path("\(key).key")
          let outcome = try await git.attempt(["clone", "-q", url, name])
          #expect(outcome.isSuccess == isKnown, "\(outcome.text)")
        }
      }
    }
  }

  @Test func `a file of the configuration makes listeners of each kind`() async throws {
    try await withTemporaryFolder { folder in
      try write(
        """
        local = true
        data_dir = "\(folder)/data"
        listen = ["127.0.0.1:0", "http://127.0.0.1:0", "unix:\(folder)/socket"]
        admin_listen = ["http://127.0.0.1:0"]
        tls = { cert = "\(Certificates.path("good.pem"))", key = "\(Certificates.path("good.key"))" }

        """, to: folder + "/c.toml")
      try await RunningBinary.with(["serve", "--config", folder + "/c.toml"], in: folder) { binary in
        _ = try await binary.output.line(containing: "\"serves\":\"admin\"")
        let lines = await binary.output.text.split(separator: "\n").filter { $0.contains("\"message\":\"listening\"") }
        #expect(lines.map { $0.contains("\"scheme\":\"https\"") } == [true, false, false, false])
        let ports = lines.map { line in
          line.split(separator: "\"address\":\"").last?.prefix { $0 != "\"" }.split(separator: ":").last.flatMap {
            UInt16($0)
          }
            ?? 0
        }
        func ask(_ port: UInt16, _ path: String) async throws -> HTTPAnswer {
          let connection = try await HTTPConnection.open(port: port, on: binary.loop)
          try await connection.send(HTTPRequest("GET", path, [("Host", "localhost:\(port)")]).bytes)
          let answer = try await connection.receive()
          await connection.close()
          return try #require(answer)
        }
        let refs = "/git/hello/info/refs?service=git-upload-pack"
        #expect(try await ask(ports[1], refs).status == 200)
        #expect(try await ask(ports[1], "/api/v1/repos").status == 404)
        #expect(try await ask(ports[1], "/").status == 404)
        #expect(try await ask(ports[3], refs).status == 404)
        #expect(try await ask(ports[3], "/").status == 200)
        for port in [ports[1], ports[3]] { #expect(try await ask(port, "/readyz").status == 200) }
        // Where git is served is told, not where the admin API is.
        let repo = try await ask(ports[3], "/api/v1/repos/hello")
        #expect(repo.text.contains("\"clone_url\":\"https://localhost:\(ports[0])/git/hello\""), "\(repo.text)")
        let git = trusting(Git(in: folder))
        try await git("clone", "-q", "https://127.0.0.1:\(ports[0])/git/hello", "copy")
      }
    }
  }

  @Test(arguments: [
    (["--tls-cert", "good.pem"], 65, "belong together"), (["--tls-key", "good.key"], 65, "belong together"),
    (["--tls-client-ca", "ca.pem"], 65, "belong together"),
    (["--tls-cert", "good.pem", "--tls-key", "none.key"], 77, "none.key"),
    (["--tls-cert", "none.pem", "--tls-key", "good.key"], 65, "none.pem"),
    (["--tls-cert", "good.pem", "--tls-key", "expired.key"], 65, "expired.key"),
    (["--tls-cert", "good.pem", "--tls-key", "good.key", "--tls-client-ca", "good.key"], 65, "good.key"),
    (["--tls-cert", "good.pem", "--tls-key", "good.key", "--listen", "0.0.0.0:0"], 65, "--allow-anonymous"),
    (["--listen", "https://127.0.0.1:0"], 65, "needs tls_cert"),
    (["--listen", "https://unix:/x"], 65, "is not an address"),
  ])
  func `what is wrong with a certificate is said`(arguments: [String], code: Int, says: String) async throws {
    try await withTemporaryFolder { folder in
      let arguments = arguments.map { $0.hasSuffix(".pem") || $0.hasSuffix(".key") ? Certificates.path($0) : $0 }
      let rest = arguments.contains("--listen") ? [] : ["--listen", "127.0.0.1:0"]
      let outcome = try await RunningBinary.run(["serve", "--local"] + rest + arguments, in: folder)
      #expect(outcome.code == code && outcome.text.contains(says), "\(outcome.text)")
    }
  }
}

private final class Hello: RequestHandler {
  func handle(_ exchange: ServerExchange) async throws { try await exchange.respond(status: 200) }
}
