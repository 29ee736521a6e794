import Glibc
import Subprocess
import SystemPackage

/// The real git in a folder of its own, without the configuration of the machine or the user.
package struct Git: Sendable {
  package struct Outcome: Sendable {
    /// Both outputs, standard output first.
    package let text: String
    package let isSuccess: Bool
  }

  package let folder: String
  /// Further variables of the environment.
  package var variables: [String: String] = [:]

  package init(in folder: String) { self.folder = folder }

  /// Whether there is a git to test with.
  package static let isThere = tool("git")
  package static func tool(_ name: String) -> Bool {
    String(cString: getenv("PATH")).split(separator: ":").contains { access("\($0)/\(name)", X_OK) == 0 }
  }

  /// Runs git, whatever comes of it.
  @concurrent package func attempt(_ arguments: [String]) async throws -> Outcome {
    var environment: [Environment.Key: String] = [
      "PATH": String(cString: getenv("PATH")), "HOME": folder, "GIT_CONFIG_NOSYSTEM": "1",
      "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "GIT_AUTHOR_NAME": "Test",
      "GIT_AUTHOR_EMAIL": "test@localhost", "GIT_COMMITTER_NAME": "Test", "GIT_COMMITTER_EMAIL": "test@localhost",
    ]
    for (name, value) in variables {
      if let key = Environment.Key(rawValue: name) { environment[key] = value }
    }
    let settings = ["-c", "init.defaultBranch=main", "-c", "advice.detachedHead=false", "-c", "gc.auto=0"]
    let result = try await run(
      .name("git"), arguments: Arguments(settings + arguments), environment: .custom(environment),
      workingDirectory: FilePath(folder), output: .string(limit: 4 << 20), error: .string(limit: 4 << 20))
    return Outcome(
      text: result.standardOutput + result.standardError, isSuccess: result.terminationStatus.isSuccess)
  }

  /// Runs git and returns what it printed. Throws when git fails.
  @discardableResult package func callAsFunction(_ arguments: String...) async throws -> String {
    try await self(arguments)
  }

  @discardableResult package func callAsFunction(_ arguments: [String]) async throws -> String {
    let outcome = try await attempt(arguments)
    guard outcome.isSuccess else { throw TestFailure("git \(arguments.joined(separator: " ")): \(outcome.text)") }
    return outcome.text
  }

  // MARK: Work

  /// Makes the work tree `name` with one commit.
  package func workTree(_ name: String) async throws {
    try await self("init", "-q", name)
    try await commit("# \(name)\n", to: "README.md", in: name)
  }

  /// Commits a file with this content.
  package func commit(_ text: String, to file: String, in work: String) async throws {
    try await commit(Array(text.utf8), to: file, in: work)
  }

  /// Commits these bytes as a file, or as several when they are more than the service takes in one: the first has the
  /// name, the others the name and a number.
  package func commit(_ bytes: [UInt8], to file: String, in work: String) async throws {
    let part = 16 << 20
    for (number, start) in stride(from: 0, to: max(1, bytes.count), by: part).enumerated() {
      let name = number == 0 ? file : "\(file).\(number)"
      try write(Array(bytes[start..<min(bytes.count, start + part)]), to: "\(folder)/\(work)/\(name)")
      try await self("-C", work, "add", name)
    }
    try await self("-C", work, "commit", "-q", "-m", "Change \(file)")
  }

  /// The refs of a remote, sorted, without HEAD.
  package func refs(of remote: String) async throws -> [String] {
    try await self("ls-remote", remote).split(separator: "\n").map(String.init).filter { !$0.hasSuffix("\tHEAD") }
      .sorted()
  }

  /// The branches and tags of a work tree in the form of `refs(of:)`.
  package func refs(in work: String, _ patterns: String...) async throws -> [String] {
    try await self(["-C", work, "for-each-ref", "--format=%(objectname)\t%(refname)"] + patterns)
      .split(separator: "\n").map(String.init).sorted()
  }

  /// Checks a repository, whole and strictly.
  package func check(_ work: String) async throws { try await self("-C", work, "fsck", "--strict", "--full") }
}
