import EventLoop
import FoundationEssentials
import Glibc

/// Files that are whole after a crash: the old content or the new, never a mixture.
enum DurableFile {
  private static let scratchSuffix = ".new"

  /// Replaces `path` by `bytes`: written beside it, synced, renamed over it, and the folder synced.
  static func replace(_ path: String, with bytes: [UInt8], mode: mode_t = 0o644) throws(StoreError) {
    let scratch = path + scratchSuffix
    try write(scratch, bytes, mode: mode)
    guard rename(scratch, path) == 0 else { throw .system(path: path, SystemError("rename")) }
    try syncFolder(parent(of: path))
  }

  /// Writes a file and syncs it. For files in a folder that nobody sees yet, so without the rename.
  static func write(_ path: String, _ bytes: [UInt8], mode: mode_t = 0o644) throws(StoreError) {
    try put(path, bytes, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
  }

  /// Adds `bytes` at the end and syncs. When that fails the file is cut back, so that a later append begins a new line;
  /// a crash may still leave a torn tail, which the reader must expect.
  static func append(_ path: String, _ bytes: [UInt8], mode: mode_t) throws(StoreError) {
    try put(path, bytes, flags: O_WRONLY | O_APPEND | O_CREAT, mode: mode)
  }

  /// Takes away what stands behind the first `count` bytes. Not synced: the next append does that.
  static func cut(_ path: String, to count: Int) throws(StoreError) {
    guard truncate(path, off_t(count)) == 0 else { throw .system(path: path, SystemError("truncate")) }
  }

  private static func put(_ path: String, _ bytes: [UInt8], flags: CInt, mode: mode_t) throws(StoreError) {
    let number = open(path, flags | O_CLOEXEC, mode)
    guard number >= 0 else { throw .system(path: path, SystemError("open")) }
    let file = OwnedDescriptor(owning: number)
    let start = lseek(file.rawValue, 0, SEEK_END)
    do throws(SystemError) {
      try writeAll(bytes, to: file)
    } catch {
      _ = ftruncate(file.rawValue, max(0, start))
      throw .system(path: path, error)
    }
  }

  private static func writeAll(_ bytes: [UInt8], to file: borrowing OwnedDescriptor) throws(SystemError) {
    let number = file.rawValue
    var offset = 0
    while offset < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        retryingOnInterrupt { Glibc.write(number, buffer.baseAddress.map { $0 + offset }, bytes.count - offset) }
      }
      guard count >= 0 else { throw SystemError("write") }
      offset += count
    }
    guard fsync(number) == 0 else { throw SystemError("fsync") }
  }

  /// The whole of a file, or nil when there is none.
  static func read(_ path: String) throws(StoreError) -> [UInt8]? {
    let number = open(path, O_RDONLY | O_CLOEXEC)
    if number < 0 {
      if errno == ENOENT { return nil }
      throw .system(path: path, SystemError("open"))
    }
    let file = OwnedDescriptor(owning: number)
    var bytes: [UInt8] = []
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 1)
    defer { block.deallocate() }
    while true {
      let count = retryingOnInterrupt { Glibc.read(file.rawValue, block.baseAddress, block.count) }
      guard count >= 0 else { throw .system(path: path, SystemError("read")) }
      if count == 0 { return bytes }
      bytes.append(contentsOf: block[..<count])
    }
  }

  /// Makes a rename, or a new entry, in the folder outlive a power cut.
  static func syncFolder(_ path: String) throws(StoreError) {
    let number = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard number >= 0 else { throw .system(path: path, SystemError("open")) }
    let folder = OwnedDescriptor(owning: number)
    guard fsync(folder.rawValue) == 0 else { throw .system(path: path, SystemError("fsync")) }
  }

  /// Syncs every file and folder of a tree that somebody else has written.
  static func syncTree(_ path: String) throws(StoreError) {
    for name in names(in: path) {
      let child = "\(path)/\(name)"
      let number = open(child, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
      guard number >= 0 else { throw .system(path: child, SystemError("open")) }
      let file = OwnedDescriptor(owning: number)
      var state = stat()
      guard fstat(file.rawValue, &state) == 0 else { throw .system(path: child, SystemError("fstat")) }
      if state.st_mode & S_IFMT == S_IFDIR {
        try syncTree(child)
      } else if fsync(file.rawValue) != 0 {
        throw .system(path: child, SystemError("fsync"))
      }
    }
    try syncFolder(path)
  }

  /// Makes one folder, which may be there already.
  static func makeFolder(_ path: String, mode: mode_t = 0o755) throws(StoreError) {
    guard mkdir(path, mode) != 0, errno != EEXIST else { return }
    throw .system(path: path, SystemError("mkdir"))
  }

  static func move(_ path: String, to target: String) throws(StoreError) {
    guard rename(path, target) == 0 else { throw .system(path: path, SystemError("rename")) }
    try syncFolder(parent(of: target))
  }

  /// Removes a file or a tree. What cannot be removed now is swept at the next start.
  static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

  /// The names in a folder, sorted; none when there is no such folder.
  static func names(in path: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }

  private static func parent(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
  }
}
