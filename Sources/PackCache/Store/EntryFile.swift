@preconcurrency import Dispatch
package import EventLoop
import Glibc

/// An open file of the store, shared by all who read it. It can be read for as long as this object lives, also when the
/// store has removed its name.
package final class EntryFile: Sendable {
  /// Lent to `Channel.sendFile`. What stands behind the body is none of a client's business: mind its length.
  package let descriptor: OwnedDescriptor
  private let queue: DispatchQueue

  private static let blockBytes = 256 << 10
  /// UTIME_OMIT of futimens(3), whose cast hides it from Swift.
  private static let keepTime = (1 << 30) - 2

  /// - Parameter queue: where the file's pages are given back.
  init(_ descriptor: consuming OwnedDescriptor, queue: DispatchQueue) {
    self.descriptor = descriptor
    self.queue = queue
  }

  deinit {
    // The last close of a file without a name frees all its pages, which takes milliseconds: not on a loop.
    guard let status = try? status(), status.isUnlinked else { return }
    let copy = fcntl(descriptor.rawValue, F_DUPFD_CLOEXEC, 0)
    if copy >= 0 { queue.async { _ = close(copy) } }
  }

  func status() throws(SystemError) -> FileStatus {
    var value = stat()
    guard fstat(descriptor.rawValue, &value) == 0 else { throw SystemError("fstat") }
    return FileStatus(value)
  }

  /// Reads up to as many bytes as `buffer` holds, fewer only at the end of the file.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
    var count = 0
    while count < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
      let result = retryingOnInterrupt {
        pread(descriptor.rawValue, rest.baseAddress, rest.count, off_t(offset + count))
      }
      guard result >= 0 else { throw SystemError("pread") }
      if result == 0 { break }
      count += result
    }
    return count
  }

  /// Writes all bytes.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SystemError) {
    var count = 0
    while count < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[count...])
      let result = retryingOnInterrupt {
        pwrite(descriptor.rawValue, rest.baseAddress, rest.count, off_t(offset + count))
      }
      guard result > 0 else { throw SystemError("pwrite", result == 0 ? EIO : errno) }
      count += result
    }
  }

  /// Writes all bytes.
  func write(_ bytes: [UInt8], at offset: Int) throws(SystemError) {
    // The closure of an array's pointer passes no typed errors on.
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(SystemError) in try write(bytes, at: offset) }
    }
    try result.get()
  }

  /// Sets the time of the last use and leaves that of the last change.
  func touch(_ time: Double) {
    let seconds = time.rounded(.down)
    let nanoseconds = Int((time - seconds) * 1e9)
    let times = [
      timespec(tv_sec: Int(seconds), tv_nsec: nanoseconds), timespec(tv_sec: 0, tv_nsec: Self.keepTime),
    ]
    _ = futimens(descriptor.rawValue, times)
  }

  /// Exactly `count` bytes.
  func bytes(at offset: Int, count: Int) throws(EntryDamage) -> [UInt8] {
    var result: Result<Int, SystemError> = .success(0)
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      result = Result { () throws(SystemError) in try read(at: offset, into: UnsafeMutableRawBufferPointer(buffer)) }
      filled = (try? result.get()) ?? 0
    }
    if case .failure(let error) = result { throw EntryDamage("\(error)") }
    guard bytes.count == count else { throw EntryDamage("cut off") }
    return bytes
  }

  /// Shows the first `count` bytes to `body`, block by block, and returns their SHA-256.
  func digest(
    count: Int, _ body: (UnsafeRawBufferPointer) throws(EntryDamage) -> Void = { _ in }
  ) throws(EntryDamage) -> [UInt8] {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.blockBytes, alignment: 16)
    defer { buffer.deallocate() }
    var digest = Digest(.sha256)
    var offset = 0
    while offset < count {
      let wanted = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, count - offset)])
      let got: Int
      do throws(SystemError) { got = try read(at: offset, into: wanted) } catch { throw EntryDamage("\(error)") }
      guard got == wanted.count else { throw EntryDamage("cut off") }
      digest.update(UnsafeRawBufferPointer(wanted))
      try body(UnsafeRawBufferPointer(wanted))
      offset += got
    }
    return digest.finish()
  }
}
