import CLinux

/// The program's code as the kernel maps it into memory.
package enum ProgramText {
  /// Gives back the pages of code, those of libraries too, that the start alone needed, which are most. What is needed again
  /// is mapped again from the kernel's cache of the file, sixteen pages at a time (`MADV_DONTNEED`, madvise(2)).
  ///
  /// Only mappings of files that can be executed and not be written: nothing in them was ever changed.
  package static func release() {
    guard let file = fopen("/proc/self/maps", "re") else { return }
    defer { fclose(file) }
    let line = UnsafeMutablePointer<CChar>.allocate(capacity: 4_352)
    defer { line.deallocate() }
    while fgets(line, 4_352, file) != nil {
      // `55d0c0000000-55d0c0d00000 r-xp 00200000 08:01 1234   /usr/bin/artifacts-gateway` (proc(5))
      let parts = String(cString: line).split(separator: " ", omittingEmptySubsequences: true)
      guard parts.count >= 6, parts[1] == "r-xp", parts[5].hasPrefix("/") else { continue }
      let bounds = parts[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
      guard bounds.count == 2, bounds[0] < bounds[1] else { continue }
      _ = madvise(UnsafeMutableRawPointer(bitPattern: bounds[0]), Int(bounds[1] - bounds[0]), MADV_DONTNEED)
    }
  }
}
