import Glibc
import Subprocess
import SystemPackage

/// A script for bash, run in a folder of its own with the tools of the machine and nothing of its configuration.
package struct ShellScript: Sendable {
  package let text: String

  package init(_ text: String) { self.text = text }

  /// Runs it to its end and returns what it printed on both outputs. Throws when a command of it fails.
  @concurrent @discardableResult
  package func run(in folder: String, _ variables: [String: String] = [:]) async throws -> String {
    var environment: [Environment.Key: String] = [
      "PATH": String(cString: getenv("PATH")), "HOME": folder, "GIT_CONFIG_NOSYSTEM": "1",
      "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C",
    ]
    for (name, value) in variables {
      if let key = Environment.Key(rawValue: name) { environment[key] = value }
    }
    let result = try await Subprocess.run(
      .name("bash"), arguments: ["-euc", text], environment: .custom(environment),
      workingDirectory: FilePath(folder), output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
    let printed = result.standardOutput + result.standardError
    guard result.terminationStatus.isSuccess else { throw TestFailure("\(result.terminationStatus): \(printed)") }
    return printed
  }
}
