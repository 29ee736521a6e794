import EventLoop
import Glibc

/// How much of the file system the store leaves to others: 1 GiB or 5 %, whichever is more, but never over 20 %.
package struct FreeSpaceGuard: Sendable {
  /// The room of a file system, in bytes.
  package struct Room: Sendable {
    package let free: Int
    package let total: Int

    package init(free: Int, total: Int) {
      self.free = free
      self.total = total
    }
  }

  private static let leastBytes = 1 << 30
  private static let share = 0.05
  private static let greatestShare = 0.2

  private let measure: @Sendable (CInt) -> Room?

  /// - Parameter measure: tells the room on the file system of a descriptor, nil when it cannot be told.
  package init(measure: @escaping @Sendable (_ descriptor: CInt) -> Room? = Self.room) { self.measure = measure }

  /// How many bytes of free space are lacking in the directory; 0 when there are enough, or nobody knows.
  func lackingBytes(in directory: borrowing OwnedDescriptor) -> Int {
    guard let room = measure(directory.rawValue) else { return 0 }
    let total = Double(room.total)
    let kept = min(max(Double(Self.leastBytes), total * Self.share), total * Self.greatestShare)
    return max(0, Int(kept) - room.free)
  }

  /// statvfs(3) of an open descriptor.
  package static func room(_ descriptor: CInt) -> Room? {
    var value = statvfs()
    guard fstatvfs(descriptor, &value) == 0 else { return nil }
    func bytes(_ blocks: UInt) -> Int {
      let product = blocks.multipliedReportingOverflow(by: value.f_frsize)
      return product.overflow ? .max : Int(clamping: product.partialValue)
    }
    return Room(free: bytes(value.f_bavail), total: bytes(value.f_blocks))
  }
}
