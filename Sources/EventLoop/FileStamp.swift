import Glibc

/// What tells one version of a file from another. Links are followed, so a swapped link is a change.
package struct FileStamp: Hashable, Sendable {
  private let device: dev_t
  private let inode: ino_t
  private let size: off_t
  private let seconds: Int
  private let nanoseconds: Int
  /// Its permissions, as of `st_mode`.
  package let mode: UInt32

  /// Nil when there is no such file, or it may not be looked at.
  package init?(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    device = status.st_dev
    inode = status.st_ino
    size = status.st_size
    seconds = status.st_mtim.tv_sec
    nanoseconds = status.st_mtim.tv_nsec
    mode = status.st_mode
  }
}
