import CLinux

/// The environment of the process, as bytes: names and values need not be UTF-8.
///
/// It may be changed before the first loop runs, when nobody else looks at it, and not after.
package enum ProcessEnvironment {
  /// The entries in their order, each `NAME=value`.
  package static var entries: [[UInt8]] {
    var entries: [[UInt8]] = []
    // The vector ends with nil, and each text with a NUL (environ(7)); both live as long as the process.
    var next = clinux_environment()
    while let vector = next, let text = vector.pointee {
      entries.append(Array(UnsafeRawBufferPointer(start: text, count: strlen(text))))
      next = vector + 1
    }
    return entries
  }

  /// Takes a variable away: programs that are started later do not inherit it, and `/proc/<pid>/environ`, which shows the
  /// memory that the process began with (proc(5)), has nothing but zeros in its place.
  ///
  /// - Returns: the value, or nil when the variable is not set.
  package static func take(_ name: String) -> [UInt8]? {
    let beginning = Array("\(name)=".utf8)
    var value: [UInt8]?
    var next = clinux_environment()
    while let vector = next, let text = vector.pointee {
      let entry = UnsafeMutableRawBufferPointer(start: text, count: strlen(text))
      if entry.starts(with: beginning) {
        value = value ?? Array(entry.dropFirst(beginning.count))
        // The process's own, writable memory (execve(2)), which nobody reads before the loops run.
        for index in beginning.count..<entry.count { entry[index] = 0 }
      }
      next = vector + 1
    }
    if value != nil { unsetenv(name) }
    return value
  }

  /// Moves a variable's value to where `/proc/<pid>/environ` does not show it. Programs that are started inherit it.
  package static func hide(_ name: String) {
    guard let value = take(name) else { return }
    setenv(name, String(decoding: value, as: UTF8.self), 1)
  }
}
