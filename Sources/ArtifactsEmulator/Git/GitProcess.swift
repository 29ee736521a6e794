import EventLoop
import Subprocess
import SystemPackage

/// One run of git. Its standard streams are sockets, so that a loop can read and write them with back-pressure and
/// without a thread.
final class GitProcess: Sendable {
  /// How a run ended.
  struct Ending: Sendable, CustomStringConvertible {
    private let status: TerminationStatus
    /// The beginning of what git said on its standard error.
    private let errors: String

    fileprivate init(_ status: TerminationStatus, errors: String) {
      self.status = status
      self.errors = errors
    }

    var isSuccess: Bool { status.isSuccess }

    /// A signal ended git: what it was writing is cut.
    var isKilled: Bool { if case .signaled = status { true } else { false } }

    var description: String { errors.isEmpty ? "\(status)" : "\(status): \(errors)" }
  }

  /// A process and this side's ends of its streams, not yet on any loop.
  struct Streaming: ~Copyable {
    let process: GitProcess
    var input: OwnedDescriptor
    var output: OwnedDescriptor
  }

  /// A process whose output is read all the time, and this side's end of its input.
  struct Collecting: ~Copyable {
    let process: GitProcess
    var input: OwnedDescriptor
    /// The beginning of the output, once it has ended.
    let output: Task<[UInt8], any Error>
  }

  private let status: Task<TerminationStatus, any Error>
  private let errors: Task<[UInt8], any Error>

  private static let errorLimit = 4096

  private init(status: Task<TerminationStatus, any Error>, errors: Task<[UInt8], any Error>) {
    self.status = status
    self.errors = errors
  }

  /// Starts git for a copy in both directions. Call on `loop`, which reads the standard error from then on.
  ///
  /// A git that cannot be started shows as an output without bytes and an error from `ending()`. Throws when this process
  /// is out of descriptors.
  static func stream(_ command: GitCommand, on loop: Loop) throws(SystemError) -> Streaming {
    let input = try Socket.pair()
    let output = try Socket.pair()
    let process = try launch(command, on: loop, input: input.second, output: output.second)
    return Streaming(process: process, input: input.first, output: output.first)
  }

  /// Starts git and keeps the first `limit` bytes of its output; otherwise as `stream`.
  static func collect(_ command: GitCommand, keeping limit: Int, on loop: Loop) throws(SystemError) -> Collecting {
    let input = try Socket.pair()
    let output = try Socket.pair()
    let channel = try Channel(output.first, on: loop)
    let process: GitProcess
    do throws(SystemError) {
      process = try launch(command, on: loop, input: input.second, output: output.second)
    } catch {
      channel.close()
      throw error
    }
    return Collecting(process: process, input: input.first, output: collect(channel, keeping: limit))
  }

  private static func launch(
    _ command: GitCommand, on loop: Loop, input: consuming OwnedDescriptor, output: consuming OwnedDescriptor
  ) throws(SystemError) -> GitProcess {
    let errors = try Socket.pair()
    Socket.setNonBlocking(false, input)
    Socket.setNonBlocking(false, output)
    Socket.setNonBlocking(false, errors.second)
    let channel = try Channel(errors.first, on: loop)
    let theirs = (input.release(), output.release(), errors.second.release())
    // Off the loop: a fork takes a while.
    let status = Task {
      try await run(
        command.configuration,
        input: .fileDescriptor(FileDescriptor(rawValue: theirs.0), closeAfterSpawningProcess: true),
        output: .fileDescriptor(FileDescriptor(rawValue: theirs.1), closeAfterSpawningProcess: true),
        error: .fileDescriptor(FileDescriptor(rawValue: theirs.2), closeAfterSpawningProcess: true)
      ).terminationStatus
    }
    return GitProcess(status: status, errors: collect(channel, keeping: errorLimit))
  }

  /// Reads a channel to its end, beside everything else on its loop, and closes it.
  private static func collect(_ channel: sending Channel, keeping limit: Int) -> Task<[UInt8], any Error> {
    Task(executorPreference: channel.loop) {
      defer { channel.close() }
      return try await channel.collect(keeping: limit)
    }
  }

  /// Ends git, if it still runs, and with it the streams. Does not wait.
  func cancel() { status.cancel() }

  /// Waits for the end of git. Throws when it could not be started.
  func ending() async throws -> Ending {
    let status = try await status.value
    let bytes = (try? await errors.value) ?? []
    let text = String(decoding: bytes, as: UTF8.self).split(separator: "\n").joined(separator: "; ")
    return Ending(status, errors: text)
  }
}
