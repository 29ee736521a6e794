@preconcurrency import Dispatch
import EventLoop
import Glibc
import Synchronization

/// The directory of a store, in which other processes may have their stores as well:
///
///     <64 hexadecimal digits>.pack    an entry, named by its key
///     <16 hexadecimal digits>.part    an entry being written; its writer holds a lock on it (flock(2), exclusive)
///
/// Files of other names are left alone. Names of the second kind are random and never used again, so removing one can
/// hit nothing else.
final class PackDirectory: Sendable {
  /// What is in the directory.
  struct Listing {
    var entries: [(key: PackKey, status: FileStatus)] = []
    /// Bytes on the disk of what is being written.
    var unfinishedBytes = 0
  }

  private final class Handle: Sendable {
    let descriptor: OwnedDescriptor
    init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
  }

  private static let entrySuffix = ".pack"
  private static let unfinishedSuffix = ".part"
  private static let attempts = 16

  let path: String
  private let handle: Mutex<Handle>
  private let queue: DispatchQueue

  /// Makes the directory, and those above it, where there are none.
  init(_ path: String, queue: DispatchQueue) throws(PackStoreError) {
    for border in path.indices.dropFirst() where path[border] == "/" { _ = mkdir(String(path[..<border]), 0o700) }
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .system(path: path, SystemError("mkdir")) }
    handle = Mutex(try Self.open(path))
    self.path = path
    self.queue = queue
  }

  private static func open(_ path: String) throws(PackStoreError) -> Handle {
    let number = retryingOnInterrupt { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard number >= 0 else { throw .system(path: path, SystemError("open")) }
    let handle = Handle(OwnedDescriptor(owning: number))
    var status = stat()
    guard fstat(number, &status) == 0 else { throw .system(path: path, SystemError("fstat")) }
    guard status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else { throw .notPrivate(path: path) }
    return handle
  }

  /// The directory that has the path, which may have been made anew since the last look.
  private func current() throws(PackStoreError) -> Handle {
    let known = handle.withLock { $0 }
    var (there, ours) = (stat(), stat())
    guard fstatat(AT_FDCWD, path, &there, 0) == 0 else { throw .system(path: path, SystemError("stat")) }
    if fstat(known.descriptor.rawValue, &ours) == 0, there.st_dev == ours.st_dev, there.st_ino == ours.st_ino {
      return known
    }
    let fresh = try Self.open(path)
    handle.withLock { $0 = fresh }
    return fresh
  }

  // MARK: Entries

  /// Opens an entry for reading; nil when there is none, or something else has its name. One system call.
  func open(_ key: PackKey) throws(SystemError) -> EntryFile? {
    let directory = handle.withLock { $0 }
    // Without O_NOATIME reading would change the place in the order of use; without O_NONBLOCK a pipe would hold us up.
    let flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | __O_NOATIME
    let number = retryingOnInterrupt { openat(directory.descriptor.rawValue, Self.name(key), flags) }
    if number >= 0 { return EntryFile(OwnedDescriptor(owning: number), queue: queue) }
    // ELOOP is a symbolic link, EPERM a file of somebody else.
    guard [ENOENT, ELOOP, EPERM].contains(errno) else { throw SystemError("open") }
    return nil
  }

  /// Removes an entry. Those who have it open can go on reading.
  func remove(_ key: PackKey) throws(SystemError) {
    let directory = handle.withLock { $0 }
    guard unlinkat(directory.descriptor.rawValue, Self.name(key), 0) == 0 || errno == ENOENT else {
      throw SystemError("unlink")
    }
  }

  /// Whether the name of an entry leads to this very file.
  func holds(_ fingerprint: FileStatus.Fingerprint, as key: PackKey) -> Bool {
    let directory = handle.withLock { $0 }
    var status = stat()
    return fstatat(directory.descriptor.rawValue, Self.name(key), &status, AT_SYMLINK_NOFOLLOW) == 0
      && FileStatus(status).fingerprint == fingerprint
  }

  // MARK: Unfinished entries

  /// Makes a file to write an entry into, and takes its lock.
  func makeUnfinished() throws(PackStoreError) -> (name: String, file: EntryFile) {
    let directory = try current()
    for _ in 0..<Self.attempts {
      let name = Self.unfinishedName()
      let flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
      let number = retryingOnInterrupt { openat(directory.descriptor.rawValue, name, flags, 0o600) }
      guard number >= 0 else {
        if errno == EEXIST { continue }
        throw .system(path: path, SystemError("open"))
      }
      let file = EntryFile(OwnedDescriptor(owning: number), queue: queue)
      // Between these two calls a sweeper may take the file for that of a dead writer: then it holds the lock, or has
      // removed the name.
      if flock(number, LOCK_EX | LOCK_NB) == 0, (try? file.status())?.isUnlinked == false { return (name, file) }
      removeUnfinished(name)
    }
    throw .system(path: path, SystemError("flock", EWOULDBLOCK))
  }

  /// Gives a finished entry its name, which takes the place of one that has it, and its lock free.
  func finish(_ name: String, _ file: EntryFile, as key: PackKey) throws(PackStoreError) {
    let directory = handle.withLock { $0 }.descriptor.rawValue
    guard renameat(directory, name, directory, Self.name(key)) == 0 else {
      throw .system(path: path, SystemError("rename"))
    }
    _ = flock(file.descriptor.rawValue, LOCK_UN)
  }

  func removeUnfinished(_ name: String) {
    _ = unlinkat(handle.withLock { $0 }.descriptor.rawValue, name, 0)
  }

  // MARK: The whole

  /// Looks at all files, and removes those of dead writers.
  func list() throws(PackStoreError) -> Listing {
    let directory = try current()
    // A descriptor of its own, since reading moves its position. The stream owns it from fdopendir(3) on.
    let number = openat(directory.descriptor.rawValue, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard number >= 0 else { throw .system(path: path, SystemError("open")) }
    guard let stream = fdopendir(number) else {
      _ = close(number)
      throw .system(path: path, SystemError("fdopendir"))
    }
    defer { closedir(stream) }
    var listing = Listing()
    while let name = Self.nextName(stream) {
      let key = Self.key(name)
      guard key != nil || Self.isUnfinished(name) else { continue }
      var value = stat()
      guard fstatat(number, name, &value, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
      let status = FileStatus(value)
      guard status.isOwn else { continue }
      if let key {
        listing.entries.append((key, status))
      } else if !sweep(name, in: number) {
        listing.unfinishedBytes += status.allocatedBytes
      }
    }
    return listing
  }

  /// Removes the file if nobody holds its lock, and tells whether it did.
  private func sweep(_ name: String, in directory: CInt) -> Bool {
    let number = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard number >= 0 else { return errno == ENOENT }
    let file = EntryFile(OwnedDescriptor(owning: number), queue: queue)
    guard flock(file.descriptor.rawValue, LOCK_EX | LOCK_NB) == 0 else { return false }
    return unlinkat(directory, name, 0) == 0
  }

  private static func nextName(_ stream: OpaquePointer) -> String? {
    guard let entry = readdir(stream) else { return nil }
    // The name belongs to the stream until the next call; it is copied here.
    return withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: $0.pointee)) { String(cString: $0) }
    }
  }

  /// How many bytes of free space are lacking.
  func lackingBytes(_ freeSpace: FreeSpaceGuard) -> Int {
    freeSpace.lackingBytes(in: handle.withLock { $0 }.descriptor)
  }

  // MARK: Names

  static func name(_ key: PackKey) -> String { key.hex + entrySuffix }

  private static func key(_ name: String) -> PackKey? {
    name.hasSuffix(entrySuffix) ? PackKey(hex: name.dropLast(entrySuffix.count)) : nil
  }

  private static func unfinishedName() -> String {
    let digits = String(UInt64.random(in: 0 ... .max), radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits + unfinishedSuffix
  }

  private static func isUnfinished(_ name: String) -> Bool {
    name.hasSuffix(unfinishedSuffix) && name.utf8.count == 16 + unfinishedSuffix.utf8.count
      && name.dropLast(unfinishedSuffix.count).utf8.allSatisfy { Array("0123456789abcdef".utf8).contains($0) }
  }
}
