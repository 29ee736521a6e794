import ArtifactsEmulator
import EventLoop
import Logging

/// The embedded Artifacts service as the upstream of local mode.
enum LocalService {
  /// Starts it on a loopback port of its own and makes sure that the repo `hello` is there.
  ///
  /// - Parameter imports: where its imports may come from.
  static func start(
    in directory: String, token: String, imports: ImportRule, on group: LoopGroup, log: Logger
  ) async throws(StartFailure) -> ArtifactsEmulator {
    let emulator: ArtifactsEmulator
    do {
      emulator = try ArtifactsEmulator(
        configuration: .init(dataDirectory: directory, apiToken: token, imports: imports, logger: log))
    } catch {
      throw StartFailure(GatewayExit.inputOutput, "\(error)")
    }
    do {
      try await emulator.start(on: group, listening: .v4(0x7f00_0001, port: 0))
      try await emulator.seed(repo: "hello")
    } catch {
      throw StartFailure(GatewayExit.inputOutput, "the embedded service does not start: \(error)")
    }
    return emulator
  }

  /// A token for one run: 32 random bytes in hex.
  static func randomToken() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<4).map { _ in
      let digits = String(generator.next() as UInt64, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
