import ArgumentParser
import Glibc

/// How the process ends: the codes of sysexits(3) where they fit.
enum GatewayExit {
  static let configuration = ExitCode(65)
  static let unavailable = ExitCode(69)
  static let inputOutput = ExitCode(74)
  static let credentials = ExitCode(77)
  /// Transfers were cut at the end: as if killed by SIGTERM.
  static let cut = ExitCode(143)

  static let help = """
    Exit codes: 0 clean, 64 usage, 65 bad configuration, 69 upstream unavailable, 74 I/O (port busy), 77 credentials, \
    143 transfers cut.
    """
}

/// A problem that ends the process before it serves: what to tell the user, and the code.
struct StartFailure: Error {
  let code: ExitCode
  let message: String

  init(_ code: ExitCode, _ message: String) {
    self.code = code
    self.message = message
  }
}

/// Writes a line, or several, to a descriptor. For the few that are not log lines.
func printLine(_ text: String, to descriptor: CInt = 1) {
  var rest = Array("\(text)\n".utf8)[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    guard count > 0 || errno == EINTR else { return }
    rest = rest.dropFirst(max(0, count))
  }
}

/// Runs a command's body; a `StartFailure` becomes its message on stderr and its code.
func reportingFailure(_ body: () async throws -> Void) async throws {
  do {
    try await body()
  } catch let failure as StartFailure {
    printLine("artifacts-gateway: \(failure.message)", to: 2)
    throw failure.code
  }
}
