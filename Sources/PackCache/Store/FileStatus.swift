import Glibc

/// What fstat(2) tells about a file of the store.
struct FileStatus: Sendable {
  /// While it stays the same, so does the content. The time of the last change of the inode is left out: it moves whenever
  /// a process notes that it has used the entry. Whoever writes to a file moves the time of its last modification.
  struct Fingerprint: Hashable, Sendable {
    let device: UInt64
    let inode: UInt64
    let size: Int
    let modifiedSeconds: Int
    let modifiedNanoseconds: Int
  }

  let fingerprint: Fingerprint
  /// Bytes on the disk.
  let allocatedBytes: Int
  /// Time of the last use, seconds since 1970.
  let usedAt: Double
  /// Whether it is a plain file of this user.
  let isOwn: Bool
  let isUnlinked: Bool

  init(_ value: stat) {
    fingerprint = Fingerprint(
      device: UInt64(value.st_dev), inode: UInt64(value.st_ino), size: Int(value.st_size),
      modifiedSeconds: value.st_mtim.tv_sec, modifiedNanoseconds: value.st_mtim.tv_nsec)
    allocatedBytes = Int(value.st_blocks) * 512
    usedAt = Double(value.st_atim.tv_sec) + Double(value.st_atim.tv_nsec) / 1e9
    isOwn = value.st_mode & S_IFMT == S_IFREG && value.st_uid == geteuid()
    isUnlinked = value.st_nlink == 0
  }

  var size: Int { fingerprint.size }
}
