import CLinux
import Glibc

/// A failed system call: the call's name and its `errno`.
package struct SystemError: Error, Hashable, CustomStringConvertible {
  /// The C function that failed, as in its manual page.
  package let call: StaticStringName
  /// `errno` as the call left it.
  package let code: CInt

  package init(_ call: StaticString, _ code: CInt = errno) {
    self.call = StaticStringName(call)
    self.code = code
  }

  package var description: String { "\(call.text): \(Self.message(code))" }

  /// `strerror(3)` without its shared buffer.
  package static func message(_ code: CInt) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard let base = buffer.baseAddress else { return "error \(code)" }
      base.initialize(repeating: 0, count: buffer.count)
      clinux_error_message(code, base, buffer.count)
      return String(cString: base)
    }
  }
}

/// A `StaticString` that can be compared, so that errors can be.
package struct StaticStringName: Hashable, Sendable {
  package let text: String
  init(_ name: StaticString) { text = name.description }
}

/// Runs a system call again while a signal interrupts it. Returns its result, negative on error with `errno` set.
@inline(__always)
package func retryingOnInterrupt<Result: SignedInteger>(_ call: () -> Result) -> Result {
  while true {
    let result = call()
    if result >= 0 || errno != EINTR { return result }
  }
}
