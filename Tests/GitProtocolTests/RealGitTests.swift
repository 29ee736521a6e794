import FoundationEssentials
import GatewayTestSupport
import GitProtocol
import Testing

/// A repository of three commits that the git of this machine serves in v2.
private struct Origin {
  let git: Git
  /// The ids of the commits, the newest first.
  let commits: [String]

  /// `format` is that of its objects.
  init(in folder: String, format: String = "sha1") async throws {
    git = Git(in: folder)
    try await git("init", "-q", "--object-format=\(format)", "work")
    for number in 1...3 { try await git.commit(randomBytes(100_000 * number), to: "file\(number)", in: "work") }
    try await git("-C", "work", "tag", "-a", "-m", "First", "v1")
    try await git("-C", "work", "config", "uploadpack.allowFilter", "true")
    commits = try await git("-C", "work", "rev-list", "HEAD").split(separator: "\n").map(String.init)
  }

  /// What upload-pack answers to a request.
  func answer(to request: [UInt8]) async throws -> [UInt8] {
    try write(request, to: "\(git.folder)/request")
    try await shell("git upload-pack --stateless-rpc work < request > answer || test -s answer")
    return try content("answer")
  }

  /// What upload-pack answers to `command` with these arguments.
  func answer(to command: String, format: String = "sha1", _ arguments: [String]) async throws -> [UInt8] {
    let head = packet("command=\(command)") + packet("object-format=\(format)\n") + PktLine.delimiter
    return try await answer(to: head + arguments.flatMap { packet($0 + "\n") } + PktLine.flush)
  }

  func shell(_ script: String) async throws {
    try await ShellScript(script).run(in: git.folder, ["GIT_PROTOCOL": "version=2"])
  }

  func content(_ name: String) throws -> [UInt8] {
    Array(try #require(FileManager.default.contents(atPath: "\(git.folder)/\(name)")))
  }
}

/// Records an answer that comes in pieces of this many bytes at most.
private func record(_ answer: [UInt8], inPiecesOf most: Int) -> (recorder: FetchAnswerRecorder, kept: [UInt8]) {
  var generator = SplitMix64(state: UInt64(most))
  var recorder = FetchAnswerRecorder()
  var kept: [UInt8] = []
  var rest = answer[...]
  while !rest.isEmpty {
    let piece = rest.prefix(Int.random(in: 1...most, using: &generator))
    piece.withUnsafeBytes { recorder.advance(over: $0) { kept += $0 } }
    rest = rest[piece.endIndex...]
  }
  recorder.finish()
  return (recorder, kept)
}

/// The pack in the packfile section of kept bytes. Throws when there is anything but band 1 in it.
private func unframed(_ kept: [UInt8], behind preludeBytes: Int) throws -> [UInt8] {
  let section = try packets(Array(kept[preludeBytes...]))
  #expect(section.rest.isEmpty)
  #expect(section.packets.last == .flush)
  var pack: [UInt8] = []
  for packet in section.packets.dropLast() {
    guard case .data(let payload) = packet, payload.first == Sideband.data.rawValue else {
      throw TestFailure("\(packet) among the packets of a pack")
    }
    pack += payload.dropFirst()
  }
  return pack
}

@Suite(.enabled(if: Git.isThere), .timeLimit(.minutes(2)))
struct RealGitTests {
  enum Fetch: CaseIterable {
    case full, quiet, shallow, filtered, incremental, negotiated

    func arguments(_ commits: [String]) -> [String] {
      let want = ["want \(commits[0])", "ofs-delta"]
      return switch self {
      case .full: want + ["done"]
      case .quiet: want + ["no-progress", "done"]
      case .shallow: want + ["deepen 1", "done"]
      case .filtered: want + ["filter blob:none", "done"]
      case .incremental: want + ["thin-pack", "have \(commits[1])", "done"]
      case .negotiated: want + ["thin-pack", "have \(commits[1])", "have \(commits[2])"]
      }
    }

    /// What the sections before the pack begin with.
    var prelude: String {
      switch self {
      case .full, .quiet, .filtered, .incremental: "000dpackfile\n"
      case .shallow: "0011shallow-info\n"
      case .negotiated: "0014acknowledgments\n"
      }
    }

    var needsBase: Bool { self == .incremental || self == .negotiated }
  }

  @Test(arguments: Fetch.allCases)
  func `What is kept of a fetch is a pack that git takes`(fetch: Fetch) async throws {
    try await withTemporaryFolder { folder in
      let origin = try await Origin(in: folder)
      let answer = try await origin.answer(to: "fetch", fetch.arguments(origin.commits))
      let (recorder, kept) = record(answer, inPiecesOf: answer.count)
      #expect(recorder.verdict == .pack)
      #expect(recorder.isComplete)
      #expect(text(kept.prefix(recorder.preludeBytes)).hasPrefix(fetch.prelude))
      #expect((kept.count == answer.count) == (fetch == .quiet))
      for most in [3, 1_000, 70_000] {
        let pieces = record(answer, inPiecesOf: most)
        #expect(pieces.kept == kept)
        #expect(pieces.recorder.isComplete)
        #expect(pieces.recorder.preludeBytes == recorder.preludeBytes)
      }
      let pack = try unframed(kept, behind: recorder.preludeBytes)
      #expect(pack.count == recorder.packBytes)
      try write(pack, to: "\(folder)/pack")
      try await origin.git("init", "-q", "--bare", "client")
      if fetch.needsBase { try await origin.shell("git -C client fetch -q ../work \(origin.commits[1])") }
      try await origin.shell("git -C client index-pack --stdin --fix-thin < pack")
      try await origin.git("-C", "client", "cat-file", "-e", "\(origin.commits[0])^{tree}")
    }
  }

  @Test func `What is kept of a fetch by SHA-256 is a pack that git takes`() async throws {
    try await withTemporaryFolder { folder in
      let origin = try await Origin(in: folder, format: "sha256")
      let answer = try await origin.answer(to: "fetch", format: "sha256", Fetch.full.arguments(origin.commits))
      let (recorder, kept) = record(answer, inPiecesOf: 10_000)
      #expect(recorder.isComplete)
      try write(try unframed(kept, behind: recorder.preludeBytes), to: "\(folder)/pack")
      try await origin.git("init", "-q", "--bare", "--object-format=sha256", "client")
      try await origin.shell("git -C client index-pack --stdin < pack")
    }
  }

  @Test func `A fetch that ends without a pack is nothing to keep`() async throws {
    try await withTemporaryFolder { folder in
      let origin = try await Origin(in: folder)
      let want = "want \(origin.commits[0])"
      let unknown = try await origin.answer(to: "fetch", ["want \(oneID)", "done"])
      #expect(text(unknown).contains("ERR upload-pack: not our ref"))
      let negotiation = try await origin.answer(to: "fetch", [want, "have \(oneID)"])
      #expect(text(negotiation).contains("NAK"))
      for answer in [unknown, negotiation] {
        #expect(record(answer, inPiecesOf: answer.count).recorder.verdict == .other)
        #expect(record(answer, inPiecesOf: 3).recorder.verdict == .other)
      }
    }
  }

  @Test func `The requests of git itself are for the cache, and repeat their key`() async throws {
    try await withTemporaryFolder { folder in
      let origin = try await Origin(in: folder)
      let clone = try await requests(origin, "clone -q file://$PWD/work")
      let again = try await requests(origin, "-c protocol.version=2 clone -q --no-progress file://$PWD/work")
      #expect(clone.fetch.isDone)
      #expect(clone.fetch.wants.map(text).contains(origin.commits[0]))
      #expect(clone.fetch.canonicalBytes == again.fetch.canonicalBytes)
      #expect(clone.refs.canonicalBytes == again.refs.canonicalBytes)
      let others = [
        "clone -q --depth 1 file://$PWD/work", "clone -q --filter=blob:none --no-checkout file://$PWD/work",
        "clone -q --no-tags --shallow-since=2000-01-01 file://$PWD/work",
      ]
      var keys: Set = [clone.fetch.canonicalBytes]
      for other in others { keys.insert(try await requests(origin, other).fetch.canonicalBytes) }
      #expect(keys.count == 4)
    }
  }

  /// The two requests that a clone makes, taken from the trace of git.
  private func requests(_ origin: Origin, _ command: String) async throws -> (refs: LsRefsRequest, fetch: FetchRequest)
  {
    try await origin.shell("rm -rf clone trace; GIT_TRACE_PACKET=$PWD/trace git \(command) clone")
    var bodies: [[UInt8]] = []
    var body: [UInt8] = []
    for line in text(try origin.content("trace")).split(separator: "\n") {
      guard let mark = line.firstRange(of: "> "), line[..<mark.lowerBound].hasSuffix("clone") else { continue }
      switch line[mark.upperBound...] {
      case "0001": body += PktLine.delimiter
      case "0000":
        bodies.append(body + PktLine.flush)
        body = []
      case let text: body += packet(String(text))
      }
    }
    let commands = bodies.compactMap { try? CommandRequest(parsing: $0, coding: .identity) }
    return (
      try #require(commands.lazy.compactMap(LsRefsRequest.init).first),
      try #require(commands.lazy.compactMap(FetchRequest.init).first)
    )
  }

  @Test func `The refs of git are listed`() async throws {
    try await withTemporaryFolder { folder in
      let origin = try await Origin(in: folder)
      let answer = try await origin.answer(to: "ls-refs", ["peel", "symrefs", "unborn"])
      var listing = RefListing()
      var found: [String] = []
      answer.withUnsafeBytes { listing.advance(over: $0) { found.append("\(text($0)) \(text($1))") } }
      #expect(listing.isComplete)
      let tag = try await origin.git("-C", "work", "rev-parse", "v1").prefix(40)
      #expect(
        found == [
          "\(origin.commits[0]) HEAD", "\(origin.commits[0]) refs/heads/main", "\(tag) refs/tags/v1",
          "\(origin.commits[0]) refs/tags/v1",
        ])
    }
  }

  @Test func `The capabilities of git are read`() async throws {
    try await withTemporaryFolder { folder in
      let origin = try await Origin(in: folder)
      try await origin.shell("git upload-pack --http-backend-info-refs work > answer")
      let advertisement = try #require(CapabilityAdvertisement(parsing: try origin.content("answer")[...]))
      #expect(advertisement.capabilities.contains("object-format=sha1"))
      #expect(advertisement.encoded() == (try origin.content("answer")))
      try await origin.shell("GIT_PROTOCOL= git upload-pack --http-backend-info-refs work > answer")
      #expect(CapabilityAdvertisement(parsing: try origin.content("answer")[...]) == nil)
    }
  }
}
