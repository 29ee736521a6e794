import CLinux

/// The code and constants of the program and its libraries, as the kernel maps them into memory.
package enum ProgramText {
  /// Gives back the pages that the start alone needed, which are most. What is needed again is mapped again from the kernel's
  /// cache of the file, sixteen pages at a time (`MADV_DONTNEED`, madvise(2)).
  package static func release() { clinux_release_program() }
}
