import CLinux

/// The environment that the process was started with, as bytes: names and values need not be UTF-8.
package enum ProcessEnvironment {
  /// The entries in their order, each `NAME=value`. For processes that never change their environment.
  package static var entries: [[UInt8]] {
    var entries: [[UInt8]] = []
    // The vector ends with nil, and each text with a NUL (environ(7)); both live as long as the process.
    var next = clinux_environment()
    while let vector = next, let text = vector.pointee {
      entries.append(Array(UnsafeRawBufferPointer(start: text, count: text.stringLength)))
      next = vector + 1
    }
    return entries
  }
}

extension UnsafeMutablePointer<CChar> {
  /// The length of the C string.
  fileprivate var stringLength: Int {
    var length = 0
    while self[length] != 0 { length += 1 }
    return length
  }
}
