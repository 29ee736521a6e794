import Subprocess

/// A git command that did not do what it was asked to.
struct GitFailure: Error, CustomStringConvertible {
  let description: String
}

extension GitCommand {
  private static let outputLimit = 65_536

  /// Runs a short command and returns what it printed, without the last newline. Throws `GitFailure` when it fails.
  @concurrent func output(given input: [UInt8] = []) async throws -> String {
    let result = try await run(
      configuration, input: .array(input), output: .string(limit: Self.outputLimit),
      error: .string(limit: Self.outputLimit))
    guard result.terminationStatus.isSuccess else {
      throw GitFailure(description: "git \(arguments.last ?? ""): \(result.terminationStatus): \(result.standardError)")
    }
    let text = result.standardOutput
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
  }
}
