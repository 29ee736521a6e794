import Subprocess

/// The git of this machine.
struct GitTool: Sendable {
  struct Outcome: Sendable {
    let code: Int32
    let output: String
    let errors: String

    /// The first line that says something: of the output, else of the errors.
    var firstLine: String {
      String((output + "\n" + errors).split(separator: "\n").first ?? "")
    }
  }

  private static let outputLimit = 4 << 20

  /// Further variables for it.
  var variables: [(name: String, value: String)] = []

  /// Runs it. Returns nil when there is no git.
  @concurrent func run(_ arguments: [String]) async -> Outcome? {
    var environment: [Environment.Key: String] = [:]
    for (name, value) in [("GIT_TERMINAL_PROMPT", "0"), ("LC_ALL", "C")] + variables {
      if let key = Environment.Key(rawValue: name) { environment[key] = value }
    }
    let result = try? await Subprocess.run(
      .name("git"), arguments: Arguments(arguments), environment: .inherit.updating(environment.mapValues { $0 }),
      input: .none, output: .string(limit: Self.outputLimit), error: .string(limit: Self.outputLimit))
    guard let result else { return nil }
    let code: Int32 =
      switch result.terminationStatus {
      case .exited(let code): code
      case .signaled(let signal): 128 + signal
      }
    return Outcome(code: code, output: result.standardOutput, errors: result.standardError)
  }
}
