import CLinux
import Glibc
import Synchronization

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
  private let onSignal: (CInt) -> Void

  /// Watches `signals` until the process ends. Call on `loop`, where `onSignal` is called with each number.
  package init(_ signals: [CInt], on loop: Loop, onSignal: @escaping (CInt) -> Void) throws(SystemError) {
    var ends: [CInt] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC | O_NONBLOCK) == 0 else { throw SystemError("pipe2") }
    reading = ends[0]
    self.loop = loop
    self.onSignal = onSignal
    Self.pipe.store(ends[1], ordering: .releasing)
    registration = try loop.register(reading, handler: self)
    for number in signals {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { number in
        let saved = errno
        var byte = UInt8(truncatingIfNeeded: number)
        _ = write(SignalWatch.pipe.load(ordering: .acquiring), &byte, 1)
        errno = saved
      }
      action.sa_flags = SA_RESTART
      sigaction(number, &action, nil)
    }
  }

  package func handle(_ readiness: Readiness) {
    var byte: UInt8 = 0
    while read(reading, &byte, 1) == 1 { onSignal(CInt(byte)) }
  }
}
