import EventLoop
import GatewayTestSupport
import GitProtocol
import Glibc
import Synchronization
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(5))) struct `Audit files` {
  private static func lines(_ path: String) throws -> [String] {
    try contents(of: path).split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { String($0) }
  }

  private static func append(_ text: String, to file: inout AuditFile) -> Int {
    file.append(Array(text.utf8)[...]).count
  }

  @Test func `a file is its owner's alone, and only ever added to`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/audit"
      for text in ["one\n", "two\n"] {
        var file = try AuditFile(path, limit: 0)
        #expect(Self.append(text, to: &file) == 0)
      }
      #expect(try Self.lines(path) == ["one", "two"])
      var status = stat()
      #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
      #expect(throws: SystemError.self) { _ = try AuditFile(folder + "/none/audit", limit: 0) }
    }
  }

  @Test func `no file is longer than it may be, five older ones are kept, and no line is cut or lost among them`()
    async throws
  {
    try await withTemporaryFolder { folder in
      let path = folder + "/audit"
      var file = try AuditFile(path, limit: 30)
      let written = (10..<70).map { "line \($0)" }
      // Some at once, some in a run that fills several files.
      #expect(Self.append(written[..<5].map { $0 + "\n" }.joined(), to: &file) == 0)
      for line in written[5..<40] { #expect(Self.append(line + "\n", to: &file) == 0) }
      #expect(Self.append(written[40...].map { $0 + "\n" }.joined(), to: &file) == 0)
      let names = (1...5).reversed().map { "\(path).\($0)" } + [path]
      let kept = try names.flatMap { try Self.lines($0) }
      #expect(kept == Array(written.suffix(kept.count)) && kept.count >= 16)
      for name in names { #expect(try contents(of: name).utf8.count <= 30) }
      #expect(access(path + ".6", F_OK) != 0)
      // A line that no file has room for gets one of its own.
      let long = String(repeating: "x", count: 100)
      #expect(Self.append(long + "\nshort\n", to: &file) == 0)
      #expect(try Self.lines(path + ".1") == [long] && Self.lines(path) == ["short"])
    }
  }

  @Test func `a file that somebody has moved or removed is followed by a new one`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/audit"
      var file = try AuditFile(path, limit: 1_000)
      #expect(Self.append("one\n", to: &file) == 0)
      #expect(rename(path, path + ".moved") == 0)
      #expect(Self.append("two\n", to: &file) == 0)
      #expect(unlink(path) == 0)
      #expect(Self.append("three\n", to: &file) == 0)
      #expect(try Self.lines(path + ".moved") == ["one"] && Self.lines(path) == ["three"])
      // Where none can be made, the old one goes on.
      #expect(rename(path, path + ".moved") == 0 && mkdir(path, 0o700) == 0)
      #expect(Self.append("four\n", to: &file) == 0)
      #expect(try Self.lines(path + ".moved") == ["three", "four"])
    }
  }

  @Test func `a disk that takes nothing costs lines, which are counted, told once, and no more than they`() throws {
    let told = Mutex<[String]>([])
    let log = try AuditLog("/dev/full", limit: 10) { text in told.withLock { $0.append(text) } }
    for count in 1...20 {
      log.write(.lost(count))
      log.flush()
    }
    #expect(log.lostCount == 20)
    #expect(told.withLock { $0 } == ["No space left on device"])
  }

  @Test func `what is lost while nobody reads is counted, and told when there is room again`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/pipe"
      #expect(mkfifo(path, 0o600) == 0)
      let reader = open(path, O_RDONLY | O_NONBLOCK)
      #expect(reader >= 0 && fcntl(reader, F_SETFL, 0) == 0)
      defer { close(reader) }
      let log = try AuditLog(path, limit: 0) { _ in Issue.record("no trouble is to be told of") }
      // A pipe takes 64 KiB, one write is stuck with what it has taken, and 4,096 more lines wait.
      let count = 20_000
      for number in 0..<count { log.write(.lost(number)) }
      let lost = log.lostCount
      #expect(lost > 0 && lost < count)
      var bytes: [UInt8] = []
      var block = [UInt8](repeating: 0, count: 65_536)
      func take(_ lines: Int) {
        var seen = bytes.count { $0 == UInt8(ascii: "\n") }
        while seen < lines {
          let count = read(reader, &block, block.count)
          guard count > 0 else { return }
          bytes += block[..<count]
          seen += block[..<count].count { $0 == UInt8(ascii: "\n") }
        }
      }
      take(count - lost + 1)
      let values = try bytes.split(separator: UInt8(ascii: "\n")).map {
        try JSONTree(parsing: Array($0))["count"].number
      }
      #expect(values.count == count - lost + 1)
      // Whole and in their order, with the count of what is missing before the first that came after it.
      let gap = try #require(values.indices.dropFirst().first { values[$0] != (values[$0 - 1] ?? -1) + 1 })
      #expect(values.filter { $0 == lost }.count >= 1)
      #expect(gap > 0)
    }
  }

  @Test func `lines are JSON whatever stands in them`() throws {
    let odd = "\"\\\n\r\t\u{0}\u{1b}[2J\u{7f}\u{9b}ä\u{2028}😀"
    let request = AuditEvent.Request(
      id: RequestID(number: 0xabc), identity: Identity(.token, odd), client: "127.0.0.1:1", method: "POST", path: odd,
      repo: RepoKey(namespace: "team", name: "demo"), status: nil, end: "CR", rule: odd)
    let push = try #require(
      PushRecord(
        .head(
          {
            var push = ReceivePackRequest()
            push.updates = [.init(old: "0", new: "1", ref: odd)]
            return push
          }())))
    for event in [
      AuditEvent.push(request, push, .unknown, reason: odd), .change(request, reason: odd),
      .refusal(request, word: odd, reason: odd, push), .creation(request, .failed, reason: odd),
      .wouldRefuse(request, word: odd, reason: odd, push),
    ] {
      let line = event.line(at: 1_769_903_999.999)
      #expect(line.count { $0 == UInt8(ascii: "\n") } == 1 && line.allSatisfy { $0 >= 0x20 || $0 == 0x0a })
      let tree = try JSONTree(parsing: line)
      #expect(tree["time"].text == "2026-01-31T23:59:59.999Z")
      #expect(tree["identity"].text == odd && tree["source"].text == "token" && tree["path"].text == odd)
      #expect(tree["request"].text == "000abc" && tree["repo"].text == "team/demo" && tree["status"].number == 0)
      #expect(tree["rule"].text == odd)
    }
    let long = AuditEvent.change(request, reason: String(repeating: "x", count: 100_000)).line(at: 0)
    #expect(long.count < 4_096)
  }

  @Test func `a line of a push is bounded, however many refs it has`() throws {
    var request = ReceivePackRequest()
    request.capabilities = ["report-status"]
    let id = String(repeating: "0", count: 40)
    request.updates = (0..<20_000).map {
      .init(old: id, new: id, ref: "refs/heads/\($0)/\(String(repeating: "x", count: 100))")
    }
    var push = try #require(PushRecord(.whole(request)))
    for update in request.updates {
      PktLines.line("ok \(update.ref)\n").withUnsafeBytes { push.report?.take($0) }
    }
    let asked = AuditEvent.Request(
      id: RequestID(number: 1), identity: .anonymous, client: "", method: "POST", path: "/", repo: nil, status: 200,
      end: "--")
    let line = AuditEvent.push(asked, push, .done, reason: nil).line(at: 0)
    #expect(line.count > 1 << 20 && line.count < 1_100_000)
    let tree = try JSONTree(parsing: line)
    #expect(tree["refs_complete"] == .bool(false) && tree["outcome"].text == "done")
    #expect(tree["refs"].items.first?["result"].text == "ok" && tree["refs"].items.count > 1_000)
  }
}
