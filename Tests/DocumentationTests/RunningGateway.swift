import Subprocess
import SystemPackage

/// The program in local mode, as a process of its own.
enum RunningGateway {
  /// Starts the gateway on a free port for the length of `body`, which is told the port.
  ///
  /// Waits for the line that says where it listens, and for nothing else.
  static func with(in folder: String, _ body: @escaping @Sendable (_ port: Int) async throws -> Void) async throws {
    var options = PlatformOptions()
    options.createSession = true
    let end = TeardownStep.send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: .seconds(5))
    options.teardownSequence = [end]
    let configuration = Configuration(
      executable: .path(FilePath(Project.program)),
      arguments: [
        "serve", "--local", "--data-dir", "\(folder)/data", "--listen", "127.0.0.1:0", "--log-format", "json",
      ],
      environment: isolated(in: folder), workingDirectory: FilePath(folder), platformOptions: options)
    _ = try await run(configuration, input: .none, output: .discarded, error: .sequence) { execution in
      var said: [String] = []
      for try await line in execution.standardError.strings() {
        said.append(line)
        guard let port = port(in: line) else { continue }
        try await body(port)
        await execution.teardown(using: [end])
        return
      }
      throw TestFailure("the gateway did not listen: \(said.joined(separator: "\n"))")
    }
  }

  private static func port(in line: String) -> Int? {
    guard let match = line.firstMatch(of: /"message":"listening","address":"127\.0\.0\.1:([0-9]+)"/) else { return nil }
    return Int(match.1)
  }
}
