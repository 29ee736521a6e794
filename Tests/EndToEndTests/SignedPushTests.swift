import Gateway
import GatewayTestSupport
import Testing

/// Pushes with more than commands in them, to a service that offers all that git does: options, certificates, all or nothing.
@Suite(.enabled(if: Git.isThere), .timeLimit(.minutes(5))) struct SignedPushTests {
  private static let keygen = ExternalTool("ssh-keygen")

  /// A service that has the branches `main` and `free`, as they are in the work tree before its last commit.
  private struct House {
    let test: TestGateway
    let git: Git

    func push(_ options: [String], _ refs: [String]) async throws -> Git.Outcome {
      try await git.attempt(
        ["-C", "work", "push"] + options + ["http://127.0.0.1:\(test.port)/git/demo"] + refs)
    }

    /// The bodies that have gone upstream whole, but for those that only try.
    var pushed: [String] {
      get async {
        await test.upstream.requests.filter { $0.isPost && $0.isWhole && $0.body.count > 4 }.map {
          String(decoding: $0.body, as: UTF8.self)
        }
      }
    }
  }

  /// Rules about `free` and `fresh`, and no other branch.
  private static func with(
    limits: PushLimits = PushLimits(), _ body: (House) async throws -> Void
  ) async throws {
    try await withTemporaryFolder { folder in
      let git = Git(in: folder)
      try await git.workTree("work")
      for number in 0..<2 { try await git.commit("\(number)\n", to: "file", in: "work") }
      let id = String(try await git("-C", "work", "rev-parse", "HEAD~1").prefix { $0 != "\n" })
      if keygen.isThere {
        _ = try await keygen.run(["-q", "-t", "ed25519", "-N", "", "-f", "key"], in: folder)
        for (key, value) in [("gpg.format", "ssh"), ("user.signingKey", folder + "/key.pub")] {
          try await git("-C", "work", "config", key, value)
        }
      }
      var access = AccessConfiguration()
      access.allow("anonymous", [.read, .push], "default/*")
      access.rules[0].refs = ["refs/heads/free", "refs/heads/fresh"]
      access.rules[0].deny = [.force, .delete]
      access.pushLimits = limits
      try await TestGateway.with(
        upstream: { answer($0, id) }, readsBodyFirst: true, configure: { [access] in $0.access = access }
      ) { try await body(House(test: $0, git: git)) }
    }
  }

  /// Offers everything, and says of every push that it went well.
  private static func answer(_ request: RecordedRequest, _ id: String) -> ScriptedAnswer {
    let capabilities =
      "report-status report-status-v2 delete-refs side-band-64k ofs-delta atomic quiet push-options "
      + "push-cert=1700000000-nonce object-format=sha1 agent=git/2.39.5"
    guard request.isPost else {
      let refs = ["free\0\(capabilities)", "main"].flatMap { PktLines.line("\(id) refs/heads/\($0)\n") }
      return .response(
        200, [("Content-Type", GitOperation.pushRefs.answerType)],
        PktLines.line("# service=git-receive-pack\n") + PktLines.flush + refs + PktLines.flush)
    }
    guard request.body.count > 4 else { return GitOperation.probe.answer }
    let body = String(decoding: request.body, as: UTF8.self)
    let lines = ["free", "fresh"].filter { body.contains(" refs/heads/\($0)") }
      .flatMap { PktLines.line("ok refs/heads/\($0)\n") }
    return .response(
      200, [("Content-Type", GitOperation.push.answerType)],
      PktLines.band(1, PktLines.line("unpack ok\n") + lines + PktLines.flush) + PktLines.flush)
  }

  /// Pushes by `options`: what rules allow goes upstream as `proofs` show it, and all else is told of and goes nowhere.
  private static func check(_ options: [String], proofs: [String]) async throws {
    try await with { house async throws in
      let refused: [(refs: [String], text: String)] = [
        (["main:main"], "main -> main (anonymous may not push to refs/heads/main"),
        (["main:free", "main:refs/heads/other"], "main -> other (anonymous may not push to refs/heads/other"),
        (["main:refs/heads/other", "main:free"], "main -> free (another ref of this push was refused)"),
        ([":free"], "free (anonymous may not delete refs/heads/free"),
        (["+main~2:free"], "main~2 -> free (anonymous may not force refs/heads/free"),
      ]
      for (refs, text) in refused {
        let outcome = try await house.push(options, refs)
        #expect(!outcome.isSuccess && outcome.text.contains(" ! [remote rejected] \(text)"), "\(refs): \(outcome.text)")
      }
      #expect(await house.pushed.isEmpty)
      // A fast-forward is seen behind all that stands before the pack.
      let allowed = try await house.push(options, ["main:free", "main:refs/heads/fresh"])
      #expect(allowed.isSuccess, "\(allowed.text)")
      let pushed = await house.pushed
      #expect(pushed.count == 1 && proofs.allSatisfy { pushed[0].contains($0) }, "\(pushed)")
    }
  }

  @Test func `options change nothing`() async throws {
    try await Self.check(["--push-option=ci.skip", "-o", "x=y"], proofs: ["push-options", "000bci.skip0007x=y0000"])
  }

  @Test(.enabled(if: keygen.isThere), arguments: [[], ["--atomic"]])
  func `the commands in a certificate count`(more: [String]) async throws {
    try await Self.check(["--signed"] + more, proofs: ["push-cert\0", "certificate version 0.1", "push-cert-end\n"])
  }

  @Test(.enabled(if: keygen.isThere)) func `a certificate and options together change nothing`() async throws {
    try await Self.check(
      ["--signed", "-o", "ci.skip"], proofs: ["push-cert\0", "push-option ci.skip\n", "000bci.skip0000"])
  }

  @Test(
    .enabled(if: keygen.isThere), arguments: [[], ["-o", "ci.skip"], ["--signed"], ["--signed", "-o", "ci.skip"]])
  func `a file that is too large is seen behind them`(options: [String]) async throws {
    try await Self.with(limits: PushLimits(file: 100_000)) { house async throws in
      try await house.git.commit(randomBytes(200_000), to: "big.bin", in: "work")
      let outcome = try await house.push(options, ["main:free"])
      #expect(!outcome.isSuccess && outcome.text.contains("\"big.bin\" (object "), "\(outcome.text)")
      #expect(await house.pushed.isEmpty)
    }
  }

  @Test func `all or nothing goes down as a whole`() async throws {
    try await Self.with { house async throws in
      let outcome = try await house.push(["--atomic"], ["main:free", "main:main", "main:refs/heads/fresh"])
      #expect(!outcome.isSuccess)
      #expect(
        outcome.text.contains(
          " ! [remote rejected] main -> main (anonymous may not push to refs/heads/main: no rule allows it)"),
        "\(outcome.text)")
      for ref in ["free", "fresh"] {
        #expect(
          outcome.text.contains(" ! [remote rejected] main -> \(ref) (another ref of this push was refused)"),
          "\(outcome.text)")
      }
      #expect(await house.pushed.isEmpty)
      let allowed = try await house.push(["--atomic"], ["main:free", "main:refs/heads/fresh"])
      #expect(allowed.isSuccess, "\(allowed.text)")
      #expect(await house.pushed.count == 1)
    }
  }
}
