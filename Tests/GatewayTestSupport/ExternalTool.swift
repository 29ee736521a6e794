import Glibc
import Subprocess
import SystemPackage

/// A program of the machine that some tests run; they are skipped where it is missing.
package struct ExternalTool: Sendable {
  private let name: String

  package init(_ name: String) { self.name = name }

  package var isThere: Bool { Git.tool(name) }

  /// Runs it to its end, whatever comes of it.
  @concurrent package func run(_ arguments: [String], in folder: String) async throws -> Git.Outcome {
    let result = try await Subprocess.run(
      .name(name), arguments: Arguments(arguments), workingDirectory: FilePath(folder), output: .string(limit: 4 << 20),
      error: .string(limit: 4 << 20))
    return Git.Outcome(
      text: result.standardOutput + result.standardError, isSuccess: result.terminationStatus.isSuccess)
  }
}
