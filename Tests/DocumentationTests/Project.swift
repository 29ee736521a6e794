import FoundationEssentials
import Glibc
import Subprocess
import SystemPackage

/// The files of the project that these tests read, and its program.
enum Project {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path(percentEncoded: false)

  /// The folder with the program: the tests are built beside it.
  static let products: String = {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let path = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
  }()

  static let program = products + "/artifacts-gateway"

  static func text(of file: String) throws -> String {
    try String(contentsOfFile: "\(root)/\(file)", encoding: .utf8)
  }
}

struct TestFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// What a finished command said, on both outputs, and how it ended.
struct Ended {
  let text: String
  let status: TerminationStatus
}

/// Runs a command in `folder` without the machine's git configuration, settings or proxies. Ends it, and what it
/// started, after a minute.
func runIsolated(
  _ executable: Executable, _ arguments: [String], in folder: String, extra: [Environment.Key: String] = [:]
) async throws -> Ended {
  var options = PlatformOptions()
  options.createSession = true
  options.teardownSequence = [.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .seconds(1))]
  let configuration = Configuration(
    executable: executable, arguments: Arguments(arguments), environment: isolated(in: folder, extra),
    workingDirectory: FilePath(folder), platformOptions: options)
  return try await withThrowingTaskGroup(of: Ended?.self) { group in
    group.addTask {
      let result = try await run(
        configuration, input: .none, output: .string(limit: 1 << 20), error: .combinedWithOutput)
      return Ended(text: result.standardOutput, status: result.terminationStatus)
    }
    group.addTask {
      try await Task.sleep(for: .seconds(60))
      return nil
    }
    defer { group.cancelAll() }
    guard let first = try await group.next(), let ended = first else {
      throw TestFailure("\(arguments) did not end within a minute")
    }
    return ended
  }
}

func isolated(in folder: String, _ extra: [Environment.Key: String] = [:]) -> Environment {
  let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
  let base: [Environment.Key: String] = [
    "PATH": "\(Project.products):\(path)", "HOME": folder, "LC_ALL": "C", "NO_PROXY": "*", "no_proxy": "*",
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "\(folder)/.gitconfig", "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Test", "GIT_AUTHOR_EMAIL": "test@localhost", "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@localhost",
  ]
  return .custom(base.merging(extra) { $1 })
}

/// A folder of a test's own, removed when the test has finished.
func withTemporaryFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
  var template = Array("/tmp/artifacts-gateway-docs-XXXXXX".utf8CString)
  let path = try template.withUnsafeMutableBufferPointer { buffer in
    guard let base = buffer.baseAddress, mkdtemp(base) != nil else { throw TestFailure("mkdtemp: \(errno)") }
    return String(cString: base)
  }
  defer { try? FileManager.default.removeItem(atPath: path) }
  return try await body(path)
}
