import GatewayTestSupport
import Glibc

/// The embedded service and a gateway in front of it, each a process of its own, so that what one holds is not taken for
/// what the other does.
struct SeparateService {
  static let token = "api-token-for-both"

  let folder: String
  let emulator: RunningBinary
  let gateway: RunningBinary

  static func emulatorArguments(_ folder: String) throws -> [String] {
    try write(token, to: folder + "/token")
    return [
      "emulator", "--listen", "127.0.0.1:0", "--data-dir", folder + "/data", "--api-token-file", folder + "/token",
    ]
  }

  /// Runs both for the length of `body`.
  static func with<Result>(_ body: (SeparateService) async throws -> Result) async throws -> Result {
    try await withTemporaryFolder { folder in
      try await RunningBinary.with(emulatorArguments(folder), in: folder) { emulator in
        let api = "http://127.0.0.1:\(try await emulator.port())/client/v4"
        let gateway = try RunningBinary(
          [
            "serve", "--listen", "127.0.0.1:0", "--account-id", "acct", "--api-base", api, "--allow-insecure-upstream",
            "--allow-remote-host", "127.0.0.1", "--api-token-file", folder + "/token", "--threads", "1",
          ], in: folder)
        do {
          let result = try await body(SeparateService(folder: folder, emulator: emulator, gateway: gateway))
          await gateway.send(SIGKILL)
          _ = try? await gateway.exitCode()
          return result
        } catch {
          await gateway.send(SIGKILL)
          _ = try? await gateway.exitCode()
          throw TestFailure("\(error)\n\(await gateway.output.text)")
        }
      }
    }
  }

  /// A connection to the gateway.
  func connect() async throws -> HTTPConnection {
    try await HTTPConnection.open(port: try await gateway.port(), on: gateway.loop)
  }
}
