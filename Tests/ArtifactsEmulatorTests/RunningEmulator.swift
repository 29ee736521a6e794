import ArtifactsEmulator
import EventLoop
import FoundationEssentials
import Glibc
import Subprocess
import SystemPackage

/// An emulator on a loopback port with a folder of its own, and ways to reach it.
struct RunningEmulator {
  let folder: String
  let emulator: ArtifactsEmulator
  private let group: LoopGroup

  /// Starts an emulator on `folder` for the length of `body`.
  static func with<Result>(
    in folder: String, imports: ImportRule = ImportRule(), faults: [String] = [], packLimit: Int = 32,
    _ body: (RunningEmulator) async throws -> Result
  ) async throws -> Result {
    let group = try LoopGroup(count: 1)
    var configuration = ArtifactsEmulator.Configuration(
      dataDirectory: folder + "/data", apiToken: TestService.token, imports: imports,
      faults: try faults.map { try Fault(parsing: $0) })
    configuration.packLimit = packLimit
    let running = RunningEmulator(
      folder: folder, emulator: try ArtifactsEmulator(configuration: configuration), group: group)
    do {
      try await running.emulator.start(on: group, listening: .v4(0x7f00_0001, port: 0))
      let result = try await body(running)
      await running.emulator.shutdown()
      group.shutdown()
      return result
    } catch {
      await running.emulator.shutdown()
      group.shutdown()
      throw error
    }
  }

  static func with<Result>(
    imports: ImportRule = ImportRule(), faults: [String] = [], _ body: (RunningEmulator) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryFolder { folder in
      try await with(in: folder, imports: imports, faults: faults) { try await body($0) }
    }
  }

  // MARK: REST

  func createRepo(_ name: String, readOnly: Bool = false) async throws -> (remote: String, token: String) {
    let body = #"{"name":"\#(name)","read_only":\#(readOnly)}"#
    let answer = try await ask("POST", "\(TestService.root)/namespaces/demo/repos", api: body)
    guard answer.status == 201, let json = JSONValue(parsing: answer.body),
      let remote = json["result"]?["remote"]?.text,
      let token = json["result"]?["token"]?.text
    else { throw TestFailure("\(answer)") }
    return (remote, token)
  }

  func createToken(_ repo: String, scope: String) async throws -> String {
    let body = #"{"repo":"\#(repo)","scope":"\#(scope)"}"#
    let answer = try await ask("POST", "\(TestService.root)/namespaces/demo/tokens", api: body)
    guard let token = JSONValue(parsing: answer.body)?["result"]?["plaintext"]?.text else {
      throw TestFailure("\(answer)")
    }
    return token
  }

  /// Asks the control plane about the namespace `demo`.
  func api(_ method: String, _ path: String, _ body: String = "") async throws -> RawAnswer {
    try await ask(method, "\(TestService.root)/namespaces/demo\(path)", api: body)
  }

  private func ask(_ method: String, _ path: String, api body: String) async throws -> RawAnswer {
    try await ask(
      method, "/client/v4" + path, ["Authorization: Bearer \(TestService.token)", "Content-Type: application/json"],
      Array(body.utf8))
  }

  // MARK: Raw HTTP

  /// One request on a connection of its own, and the whole answer.
  func ask(_ method: String, _ target: String, _ fields: [String] = [], _ body: [UInt8] = []) async throws -> RawAnswer
  {
    var head = ["\(method) \(target) HTTP/1.1", "Host: localhost", "Connection: close"] + fields
    if !body.isEmpty { head.append("Content-Length: \(body.count)") }
    let request = Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
    guard let port = emulator.address?.port else { throw TestFailure("not listening") }
    // On the server's loop: the few threads of Swift's pool must not block, or the server cannot go on.
    let loop = group.loops[0]
    return try await Task(executorPreference: loop) {
      let channel = try await Connector.connect(to: [.v4(0x7f00_0001, port: port)], on: loop, timeout: .seconds(5))
      defer { channel.close() }
      var rest = request[...]
      while !rest.isEmpty {
        switch try rest.withUnsafeBytes({ try channel.write($0) }) {
        case .bytes(let count): rest = rest.dropFirst(count)
        default: try await channel.waitUntilWritable(for: .seconds(20))
        }
      }
      var answer: [UInt8] = []
      let block = loop.buffers.take()
      defer { loop.buffers.give(block) }
      while true {
        switch try channel.read(into: block) {
        case .bytes(let count): answer += block[..<count]
        case .endOfStream: return try RawAnswer(answer)
        case .wouldBlock: try await channel.waitUntilReadable(for: .seconds(20))
        }
      }
    }.value
  }

  func connect() throws -> RawConnection {
    guard let port = emulator.address?.port else { throw TestFailure("not listening") }
    return try RawConnection(port: port)
  }

  // MARK: git

  /// Runs git in the test's folder, without the machine's configuration, and returns what it printed on both outputs.
  @discardableResult
  func git(_ arguments: [String], token: String? = nil, failing: Bool = false) async throws -> String {
    let header = token.map { ["-c", "http.extraHeader=Authorization: Bearer \($0)"] } ?? []
    let environment: [Environment.Key: String] = [
      "PATH": String(cString: getenv("PATH")), "HOME": folder, "GIT_CONFIG_NOSYSTEM": "1",
      "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "GIT_AUTHOR_NAME": "Test",
      "GIT_AUTHOR_EMAIL": "test@localhost", "GIT_COMMITTER_NAME": "Test", "GIT_COMMITTER_EMAIL": "test@localhost",
    ]
    let result = try await run(
      .name("git"), arguments: Arguments(["-c", "init.defaultBranch=main"] + header + arguments),
      environment: .custom(environment), workingDirectory: FilePath(folder), output: .string(limit: 1 << 20),
      error: .string(limit: 1 << 20))
    let text = result.standardOutput + result.standardError
    guard result.terminationStatus.isSuccess != failing else {
      throw TestFailure("git \(arguments): \(result.terminationStatus): \(text)")
    }
    return text
  }

  /// A clone-able work tree `name` with one commit.
  func workTree(_ name: String) async throws {
    try await git(["init", "-q", name])
    try write("# \(name)\n", to: "\(folder)/\(name)/README.md")
    try await git(["-C", name, "add", "."])
    try await git(["-C", name, "commit", "-q", "-m", "first"])
  }
}

/// A connection to a loopback port that only sends, a little.
final class RawConnection {
  private let number: CInt

  init(port: UInt16) throws {
    number = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw TestFailure("connect: \(errno)") }
  }

  deinit { close(number) }

  func send(_ bytes: [UInt8]) throws {
    guard Glibc.send(number, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count else {
      throw TestFailure("send: \(errno)")
    }
  }
}

/// An answer as it came over the wire. Bodies with a length or without one; not chunked.
struct RawAnswer: CustomStringConvertible {
  let status: Int
  let head: String
  let body: [UInt8]

  init(_ bytes: [UInt8]) throws {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let end = text.utf8.firstRange(of: "\r\n\r\n".utf8), let status = Int(text.dropFirst(9).prefix(3)) else {
      throw TestFailure("no HTTP answer: \(text)")
    }
    self.status = status
    head = String(text[..<end.lowerBound])
    body = Array(bytes[text.utf8.distance(from: text.startIndex, to: end.upperBound)...])
  }

  var text: String { String(decoding: body, as: UTF8.self) }
  var description: String { "\(head)\n\n\(text)" }

  var json: JSONValue? { JSONValue(parsing: body) }
  var items: [JSONValue] { if case .array(let items)? = json?["result"] { items } else { [] } }

  private var error: JSONValue? {
    guard case .array(let errors)? = json?["errors"] else { return nil }
    return errors.first
  }

  var code: Int? { error?["code"]?.count }
  var message: String? { error?["message"]?.text }
  var pointer: String? { error?["source"]?["pointer"]?.text }

  func field(_ name: String) -> String? {
    for line in head.split(separator: "\r\n").dropFirst() where line.lowercased().hasPrefix(name + ": ") {
      return String(line.dropFirst(name.count + 2))
    }
    return nil
  }
}
