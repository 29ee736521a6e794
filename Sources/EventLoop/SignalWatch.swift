import CLinux
import Glibc
import Synchronization

/// A signal that came.
package struct ReceivedSignal: Hashable, Sendable {
  package let number: CInt
  /// The kernel sent it, not a process: a terminal, on a key or a hang-up. It then went to all processes of the terminal's
  /// foreground group.
  package let isFromKernel: Bool

  package init(_ number: CInt, isFromKernel: Bool = false) {
    self.number = number
    self.isFromKernel = isFromKernel
  }
}

/// Signals as events on a loop.
///
/// The handler writes the number into a pipe and nothing else, so nothing is blocked or ignored that a child process
/// would inherit, and a signal that comes early is kept. One watch a process: it owns the handlers of its signals.
package final class SignalWatch: EventHandler {
  /// Where the handler writes: set before the handlers are installed and never closed after.
  private static let pipe = Atomic<CInt>(-1)

  private let reading: CInt
  private let loop: Loop
  private var registration: Registration?
  private let onSignal: (ReceivedSignal) -> Void
  /// Marks the number, which is below 65, of a signal that the kernel sent.
  private static var kernelMark: UInt8 { 0x80 }

  /// Watches `signals` until the process ends. Call on `loop`, where `onSignal` is called with each.
  package init(_ signals: [CInt], on loop: Loop, onSignal: @escaping (ReceivedSignal) -> Void) throws(SystemError) {
    var ends: [CInt] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC | O_NONBLOCK) == 0 else { throw SystemError("pipe2") }
    reading = ends[0]
    self.loop = loop
    self.onSignal = onSignal
    Self.pipe.store(ends[1], ordering: .releasing)
    registration = try loop.register(reading, handler: self)
    for number in signals {
      var action = sigaction()
      action.__sigaction_handler.sa_sigaction = { number, info, _ in
        let saved = errno
        // Codes of the kernel are positive, those of processes are not (sigaction(2)).
        let isFromKernel = (info?.pointee.si_code ?? 0) > 0
        var byte = UInt8(truncatingIfNeeded: number) | (isFromKernel ? SignalWatch.kernelMark : 0)
        _ = write(SignalWatch.pipe.load(ordering: .acquiring), &byte, 1)
        errno = saved
      }
      action.sa_flags = SA_RESTART | SA_SIGINFO
      sigaction(number, &action, nil)
    }
  }

  package func handle(_ readiness: Readiness) {
    var byte: UInt8 = 0
    while read(reading, &byte, 1) == 1 {
      onSignal(ReceivedSignal(CInt(byte & ~Self.kernelMark), isFromKernel: byte & Self.kernelMark != 0))
    }
  }

  /// Whether the process was started with a signal ignored, as `nohup` does. Call before the signal is watched.
  package static func isIgnored(_ signal: CInt) -> Bool {
    var action = sigaction()
    guard sigaction(signal, nil, &action) == 0 else { return false }
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
