import EventLoop
import FoundationEssentials
import Gateway
import GatewayTestSupport
import Testing

/// How the body of a push is coded changes nothing of what rules and limits say of it.
@Suite(.timeLimit(.minutes(5)), .enabled(if: Git.isThere)) struct PushCodingTests {
  /// A way to send a body.
  struct Coding: Sendable, CustomTestStringConvertible {
    let names: [String]
    var isCompressed = false
    var testDescription: String { names.isEmpty ? "none" : names.joined(separator: " and ") }

    func request(_ body: [UInt8], chunk: Int? = nil) -> HTTPRequest {
      var request = GitOperation.push.request(body: isCompressed ? gzipped(body) : body)
      for name in names { request = request.with("Content-Encoding", name) }
      if let chunk { request.framing = .chunked(chunk) }
      return request
    }
  }

  static let known = [
    Coding(names: []), Coding(names: [""]), Coding(names: ["identity"]), Coding(names: ["Identity"]),
    Coding(names: ["gzip"], isCompressed: true), Coding(names: ["x-gzip"], isCompressed: true),
    Coding(names: ["GZip"], isCompressed: true),
  ]
  /// Some servers, git's own among them, take what comes under a name that they do not know for plain.
  static let unknown = [
    Coding(names: ["br"]), Coding(names: ["deflate"]), Coding(names: ["none"]), Coding(names: ["gzip;q=1"]),
    Coding(names: ["identity, identity"]), Coding(names: ["identity", "identity"]),
    Coding(names: ["gzip, identity"], isCompressed: true), Coding(names: ["gzip", "identity"], isCompressed: true),
    Coding(names: ["identity", "gzip"], isCompressed: true), Coding(names: ["gzip, gzip"], isCompressed: true),
  ]

  private static let none = String(repeating: "0", count: 40)

  /// Two commits, the second with a file of `bytes` bytes that do not compress, as git packs them.
  private struct Content {
    let first: String
    let second: String
    let pack: [UInt8]

    static func make(bytes: Int) async throws -> Content {
      try await withTemporaryFolder { folder in
        let git = Git(in: folder)
        try await git("init", "-q", "work")
        try await git.commit("first\n", to: "first", in: "work")
        var random = SplitMix64(state: 5)
        try await git.commit(
          (0..<bytes).map { _ in UInt8.random(in: 0...255, using: &random) }, to: "big.bin", in: "work")
        try await git("-C", "work", "repack", "-q", "-a", "-d", "--depth=0")
        let files = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/work/.git/objects/pack")
        let name = try #require(files.first { $0.hasSuffix(".pack") })
        func id(_ revision: String) async throws -> String {
          String(try await git("-C", "work", "rev-parse", revision).prefix { $0 != "\n" })
        }
        return Content(
          first: try await id("HEAD~1"), second: try await id("HEAD"),
          pack: [UInt8](try Data(contentsOf: URL(filePath: "\(folder)/work/.git/objects/pack/\(name)"))))
      }
    }

    func push(_ old: String, _ new: String, _ ref: String, capabilities: String = "report-status side-band-64k")
      -> [UInt8]
    {
      PktLines.line("\(old) \(new) \(ref)\0 \(capabilities)") + PktLines.flush + pack
    }
  }

  private static func access(_ change: (inout AccessRule) -> Void) -> AccessConfiguration {
    var access = AccessConfiguration()
    access.rules = [AccessRule(name: "only", who: ["anonymous"], repos: ["default/demo"], allow: [.read, .push])]
    change(&access.rules[0])
    return access
  }

  // MARK: Rules

  @Test(arguments: known) func `rules for refs hold in every coding`(coding: Coding) async throws {
    // More than is held of a body at first.
    let content = try await Content.make(bytes: 200_000)
    let access = Self.access {
      $0.refs = ["refs/heads/free"]
      $0.deny = [.force, .delete]
    }
    try await TestGateway.with(configure: { $0.access = access }) { test async throws in
      let refused = [
        (content.push(Self.none, content.second, "refs/heads/main"), "may not push to refs/heads/main"),
        (content.push(content.second, Self.none, "refs/heads/free"), "may not delete refs/heads/free"),
        (content.push(content.second, content.first, "refs/heads/free"), "may not force refs/heads/free"),
      ]
      for (body, text) in refused {
        for chunk in [nil, 1_000, 100_000] {
          let answer = try await test.ask(coding.request(body, chunk: chunk))
          #expect(
            answer.status == 200 && answer.text.contains("ng refs/heads/") && answer.text.contains(text), "\(answer)")
        }
      }
      #expect(await test.upstream.requests.isEmpty)
      let allowed = coding.request(content.push(content.first, content.second, "refs/heads/free"))
      #expect(try await test.ask(allowed).body == GitOperation.push.answerBody)
      // As it came.
      #expect(await test.upstream.requests.map(\.body) == [allowed.body])
    }
  }

  @Test(arguments: unknown, [true, false])
  func `a coding that nobody reads is refused`(coding: Coding, hasRules: Bool) async throws {
    let access = hasRules ? Self.access { $0.refs = ["refs/heads/main"] } : AccessConfiguration()
    try await TestGateway.with(configure: { $0.access = access }) { test async throws in
      for agent in [GitOperation.git, GitOperation.curl] {
        for operation in [GitOperation.push, .fetch] {
          var request = operation.request(userAgent: agent)
          for name in coding.names { request = request.with("Content-Encoding", name) }
          let answer = try await test.ask(request)
          #expect(answer.status == 415, "\(answer)")
          #expect(answer.text.contains("gzip"), "\(answer)")
        }
      }
      #expect(await test.upstream.requests.isEmpty)
      #expect(await test.apiServer.requests.isEmpty)
    }
  }

  // MARK: Sizes

  @Test(arguments: known) func `a file that is too large is found in every coding`(coding: Coding) async throws {
    let content = try await Content.make(bytes: 200_000)
    let body = content.push(Self.none, content.second, "refs/heads/main")
    for chunk in [nil, 1_000, 100_000] {
      try await TestGateway.with(configure: { $0.access.pushLimits.file = 199_999 }) { test async throws in
        let answer = try await test.ask(coding.request(body, chunk: chunk))
        #expect(
          answer.text.contains("\"big.bin\" (object ") && answer.text.contains("more than the 199 kB"), "\(answer)")
        #expect(await test.upstream.requests.allSatisfy { !$0.isWhole })
      }
    }
    try await TestGateway.with(configure: { $0.access.pushLimits.file = 200_000 }) { test async throws in
      let request = coding.request(body)
      #expect(try await test.ask(request).body == GitOperation.push.answerBody)
      #expect(await test.upstream.requests.map(\.body) == [request.body])
    }
  }

  @Test(arguments: known) func `a push that is too large is found in every coding`(coding: Coding) async throws {
    // A pack that is larger than it says on the wire, when the whole is compressed.
    let body = GitOperation.push(bytes: 100_000)
    try await TestGateway.with(configure: { $0.access.pushLimits.push = 99_999 }) { test async throws in
      for chunk in [nil, 1_000] {
        let answer = try await test.ask(coding.request(body, chunk: chunk))
        #expect(answer.text.contains("this push brings more than the 99 kB"), "\(answer)")
      }
      #expect(await test.upstream.requests.allSatisfy { !$0.isWhole })
    }
  }

  @Test func `what comes out of a compressed push counts, and ends at a bound`() async throws {
    let bomb = gzippedZeros(atLeast: 10_000_000)
    try await TestGateway.with(configure: { $0.access.pushLimits = PushLimits(file: 1 << 30) }) { test async throws in
      let answer = try await test.ask(GitOperation.push.request(body: bomb).with("Content-Encoding", "gzip"))
      #expect(answer.status == 413 || answer.status == 400, "\(answer)")
      #expect(await test.upstream.requests.allSatisfy { !$0.isWhole })
    }
  }

  // MARK: What cannot be followed

  @Test func `what a reader of pushes takes and another does not is refused where sizes are limited`() async throws {
    let content = try await Content.make(bytes: 200_000)
    let plain = content.push(Self.none, content.second, "refs/heads/main")
    let delimiter = Array("0001".utf8)
    let command = "\(Self.none) \(content.second) refs/heads/main"
    let signed =
      PktLines.line("push-cert\0report-status side-band-64k\n") + PktLines.line("certificate version 0.1\n")
      + PktLines.line("pusher x\0y\n") + PktLines.line("\n") + PktLines.line("\(command)\n")
      + PktLines.line("push-cert-end\n")
    var damaged = gzipped(plain)
    damaged[damaged.count - 6] ^= 1
    let many = (0...20_000).flatMap {
      PktLines.line(
        "\(Self.none) \(content.second) refs/heads/\($0)" + ($0 == 0 ? "\0report-status side-band-64k" : ""))
    }
    let cases: [(what: String, body: [UInt8], coding: String)] = [
      ("commands that end in a delim-pkt", PktLines.line("\(command)\0report-status") + delimiter + content.pack, ""),
      (
        "options that end in a delim-pkt",
        PktLines.line("\(command)\0report-status push-options") + PktLines.flush + PktLines.line("x") + delimiter
          + content.pack, ""
      ),
      (
        "options under a capability with a value",
        PktLines.line("\(command)\0report-status push-options=1") + PktLines.flush + PktLines.line("x") + PktLines.flush
          + content.pack, ""
      ),
      (
        "capabilities parted by a tab",
        PktLines.line("\(command)\0report-status\tpush-options") + PktLines.flush + PktLines.line("x") + PktLines.flush
          + content.pack, ""
      ),
      ("a certificate with a NUL in it", signed + PktLines.flush + content.pack, ""),
      ("more commands than are read", many + PktLines.flush + content.pack, ""),
      ("a wrong checksum", damaged, "gzip"), ("bytes behind a stream", gzipped(plain) + [0], "gzip"),
      ("two streams", gzipped(Array(plain.prefix(1_000))) + gzipped(Array(plain.dropFirst(1_000))), "gzip"),
      ("plain under the name of gzip", plain, "gzip"),
    ]
    try await TestGateway.with(configure: { $0.access.pushLimits.file = 100_000 }) { test async throws in
      for (what, body, coding) in cases {
        let answer = try await test.ask(GitOperation.push.request(body: body).with("Content-Encoding", coding))
        #expect(answer.field("x-artifacts-gateway-error") != nil, "\(what): \(answer)")
        #expect(await test.upstream.requests.allSatisfy { !$0.isWhole }, "\(what): \(answer)")
      }
    }
  }
}
