package import EventLoop
import FoundationEssentials
import Glibc
import Subprocess
import Synchronization
import SystemPackage

/// The real program as a process of its own, found beside the tests. What it prints is read as it comes.
package final class RunningBinary: Sendable {
  /// The path of the program, or nil when it was not built.
  package static let path: String? = {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    guard count > 0 else { return nil }
    let own = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard let slash = own.lastIndex(of: "/") else { return nil }
    let path = own[...slash] + "artifacts-gateway"
    return access(String(path), X_OK) == 0 ? String(path) : nil
  }()

  package static let isThere = path != nil

  package let loop: Loop
  /// What it prints on both outputs.
  package let output: PrintedText
  private let number = Number()
  private let status: Task<Int, any Error>

  /// The process id, once there is one.
  private final class Number: Sendable {
    private let value = Mutex<pid_t>(0)
    let isKnown = Gate()

    func set(_ number: pid_t) {
      value.withLock { $0 = number }
      isKnown.open()
    }

    var now: pid_t { value.withLock { $0 } }
  }

  /// Starts it in `folder` with these variables and no others but PATH and HOME.
  package init(_ arguments: [String], in folder: String, _ variables: [String: String] = [:]) throws {
    let group = try TestLoops.take()
    loop = group.loops[0]
    let pair = try Socket.pair()
    Socket.setNonBlocking(false, pair.second)
    let reading = pair.first.release()
    let printing = pair.second.release()
    output = PrintedText(on: loop)
    var environment: [Environment.Key: String] = ["PATH": String(cString: getenv("PATH")), "HOME": folder]
    for (name, value) in variables {
      if let key = Environment.Key(rawValue: name) { environment[key] = value }
    }
    let configuration = Configuration(
      executable: .path(FilePath(Self.path ?? "")), arguments: Arguments(arguments), environment: .custom(environment),
      workingDirectory: FilePath(folder))
    let output = self.output
    let reader = Task(executorPreference: loop) {
      await output.read(reading)
      TestLoops.give(group)
    }
    status = Task { [number] in
      defer { number.isKnown.open() }
      let result = try await Subprocess.run(
        configuration, input: .none,
        output: .fileDescriptor(FileDescriptor(rawValue: printing), closeAfterSpawningProcess: true),
        error: .combinedWithOutput
      ) { execution in
        number.set(execution.processIdentifier.value)
      }
      await reader.value
      switch result.terminationStatus {
      case .exited(let code): return Int(code)
      case .signaled(let signal): return 1000 + Int(signal)
      }
    }
  }

  /// The number of the process.
  package var processID: Int32 {
    get async {
      await number.isKnown.wait()
      return number.now
    }
  }

  package func send(_ signal: CInt) async {
    let number = await processID
    if number > 0 { kill(number, signal) }
  }

  /// Waits for the end. A process that a signal killed has 1000 and the signal's number.
  package func exitCode() async throws -> Int { try await status.value }

  /// Waits for the line that tells where it listens.
  package func port() async throws -> UInt16 {
    let line = try await output.line(containing: "\"message\":\"listening\"")
    let address = line.split(separator: "\"address\":\"").last?.prefix { $0 != "\"" } ?? ""
    guard let port = address.split(separator: ":").last.flatMap({ UInt16($0) }) else { throw TestFailure(line) }
    return port
  }

  /// The most memory that it has had in use, bytes.
  package func peakMemory() async throws -> Int {
    let status = try contents(of: "/proc/\(await processID)/status")
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
    guard let size = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
      throw TestFailure(status)
    }
    return size * 1024
  }

  /// How many descriptors it has open. For those who are not root, `ARTIFACTS_GATEWAY_ALLOW_CORE=1` lets them look.
  package func descriptorCount() async throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/\(await processID)/fd").count
  }

  /// Runs it to its end.
  package static func run(_ arguments: [String], in folder: String, _ variables: [String: String] = [:]) async throws
    -> (code: Int, text: String)
  {
    let binary = try RunningBinary(arguments, in: folder, variables)
    let code = try await binary.exitCode()
    return (code, await binary.output.text)
  }

  /// Starts it for the length of `body`; kills what has not ended by then.
  package static func with<Result>(
    _ arguments: [String], in folder: String, _ variables: [String: String] = [:],
    _ body: (RunningBinary) async throws -> Result
  ) async throws -> Result {
    try await TestSlots.heavy.with { try await run(arguments, in: folder, variables, body) }
  }

  private static func run<Result>(
    _ arguments: [String], in folder: String, _ variables: [String: String],
    _ body: (RunningBinary) async throws -> Result
  ) async throws -> Result {
    let binary = try RunningBinary(arguments, in: folder, variables)
    do {
      let result = try await body(binary)
      await binary.send(SIGKILL)
      _ = try? await binary.exitCode()
      return result
    } catch {
      await binary.send(SIGKILL)
      _ = try? await binary.exitCode()
      throw TestFailure("\(error)\n\(await binary.output.text)")
    }
  }
}
