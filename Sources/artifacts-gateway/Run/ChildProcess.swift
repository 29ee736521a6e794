@preconcurrency import Dispatch
import EventLoop
import Glibc

/// A command that runs with this process's standard streams, in its process group, as if a shell had started it.
struct ChildProcess: Sendable {
  /// Why a command does not start, with the code that a shell has for it.
  struct SpawnFailure: Error {
    let code: Int32
    let message: String
  }

  let id: pid_t

  /// Starts it. Its name is looked for in the search path of this process.
  ///
  /// - Parameters:
  ///   - command: the name and the arguments.
  ///   - environment: `NAME=value`, each.
  ///   - defaults: signals that it gets with their default action though this process ignores them.
  init(_ command: [String], environment: [[UInt8]], defaults: [CInt]) throws(SpawnFailure) {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in defaults { sigaddset(&signals, signal) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    // Threads of Dispatch, such as this one, block signals, and a command inherits that.
    var blocked = sigset_t()
    sigemptyset(&blocked)
    posix_spawnattr_setsigmask(&attributes, &blocked)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

    var id: pid_t = 0
    let code = Self.withVector(command.map { Array($0.utf8) }) { arguments in
      Self.withVector(environment) { environment in
        // Its core dumps are its own affair.
        CoreDumps.withLimitAtStart { posix_spawnp(&id, command[0], nil, &attributes, arguments, environment) }
      }
    }
    switch code {
    case 0: self.id = id
    case ENOENT: throw SpawnFailure(code: 127, message: "\(command[0]): not found")
    default: throw SpawnFailure(code: 126, message: "\(command[0]): \(String(cString: strerror(code)))")
    }
  }

  /// Lends a C vector of texts, which ends with nil and is valid inside `body` only.
  private static func withVector<Result>(
    _ texts: [[UInt8]], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
  ) -> Result {
    let vector = texts.map { text -> UnsafeMutablePointer<CChar>? in
      let copy = UnsafeMutablePointer<CChar>.allocate(capacity: text.count + 1)
      for (index, byte) in text.enumerated() { copy[index] = CChar(bitPattern: byte) }
      copy[text.count] = 0
      return copy
    }
    defer { for text in vector { text?.deallocate() } }
    return body(vector + [nil])
  }

  /// Waits until it has ended. Its number stays taken until `reap`, so that a signal cannot meet another process.
  func waitUntilEnded() async {
    await withCheckedContinuation { continuation in
      DispatchQueue(label: "child").async {
        var info = siginfo_t()
        while waitid(P_PID, id_t(id), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        continuation.resume()
      }
    }
  }

  /// Takes its status: its code, or 128 and the number of the signal that ended it. Call once, after its end.
  func reap() -> Int32 {
    var status: CInt = 0
    while waitpid(id, &status, 0) < 0 {
      guard errno == EINTR else { return 1 }
    }
    // WIFEXITED and the like are macros (wait(2)).
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
  }
}
