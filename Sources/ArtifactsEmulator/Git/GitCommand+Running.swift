import EventLoop
import Glibc
import Subprocess
import SystemPackage

/// A git command that did not do what it was asked to.
struct GitFailure: Error, CustomStringConvertible {
  let description: String
}

extension GitCommand {
  private static let outputLimit = 65_536

  /// Runs a short command and returns what it printed, without the last newline. Throws `GitFailure` when it fails.
  /// - Parameter input: at most 64 KiB, which a socket holds: a command that ends without reading it harms nobody.
  @concurrent func output(given input: [UInt8] = []) async throws -> String {
    let standardInput = try Self.filled(with: input)
    let result = try await run(
      configuration, input: .fileDescriptor(FileDescriptor(rawValue: standardInput), closeAfterSpawningProcess: true),
      output: .string(limit: Self.outputLimit),
      error: .string(limit: Self.outputLimit))
    guard result.terminationStatus.isSuccess else {
      throw GitFailure(description: "git \(arguments.last ?? ""): \(result.terminationStatus): \(result.standardError)")
    }
    let text = result.standardOutput
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
  }

  /// The reading end of a socket that holds `bytes` and then ends. The caller owns it.
  private static func filled(with bytes: [UInt8]) throws -> CInt {
    precondition(bytes.count <= outputLimit, "a short command takes short input")
    let pair = try Socket.pair(nonBlocking: false)
    let written = bytes.withUnsafeBytes { write(pair.first.rawValue, $0.baseAddress, $0.count) }
    guard written == bytes.count else { throw SystemError("write") }
    let reading = dup(pair.second.rawValue)
    guard reading >= 0 else { throw SystemError("dup") }
    _ = fcntl(reading, F_SETFD, FD_CLOEXEC)
    return reading
  }
}
