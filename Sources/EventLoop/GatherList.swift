import CLinux

/// Pieces of memory to be written in one system call, in order. Made once and used again: only the first piece allocates.
///
/// The memory behind the pieces belongs to whoever adds them and must stay until they are written or removed.
/// Confined to its owner.
package final class GatherList {
  /// How many pieces fit.
  package static let capacity = 64
  /// Owned. Nil until there is a piece.
  private var memory: UnsafeMutablePointer<iovec>?
  private var first = 0
  private var end = 0
  /// Bytes not yet written.
  package private(set) var byteCount = 0

  package init() {}

  deinit { memory?.deallocate() }

  private var pieces: UnsafeMutablePointer<iovec> {
    if let memory { return memory }
    let new = UnsafeMutablePointer<iovec>.allocate(capacity: Self.capacity)
    memory = new
    return new
  }

  /// Gives the memory back that the list itself takes, a KiB, until there is another piece. The list must be empty.
  package func release() {
    precondition(isEmpty, "pieces are to be written")
    memory?.deallocate()
    memory = nil
  }

  package var isEmpty: Bool { byteCount == 0 }
  package var isFull: Bool { end == Self.capacity }
  package var pieceCount: Int { end - first }

  /// Adds a piece at the end. Empty ones are passed over. There must be room.
  package func append(_ piece: UnsafeRawBufferPointer) {
    guard piece.count > 0 else { return }
    precondition(!isFull, "a gather list holds \(Self.capacity) pieces")
    pieces[end] = iovec(iov_base: UnsafeMutableRawPointer(mutating: piece.baseAddress), iov_len: piece.count)
    end += 1
    byteCount += piece.count
  }

  /// The first piece that is not yet written, for writers that take one at a time. Nil when all is out.
  package var front: UnsafeRawBufferPointer? {
    first < end ? UnsafeRawBufferPointer(start: pieces[first].iov_base, count: pieces[first].iov_len) : nil
  }

  /// Takes `count` bytes off the front: they are written.
  package func removeFront(_ count: Int) {
    var left = count
    byteCount -= count
    while left > 0 {
      let length = pieces[first].iov_len
      if left < length {
        pieces[first].iov_base += left
        pieces[first].iov_len -= left
        return
      }
      left -= length
      first += 1
    }
    if first == end { removeAll() }
  }

  /// Calls `body` with each piece, in order.
  package func forEach(_ body: (UnsafeRawBufferPointer) -> Void) {
    for index in first..<end {
      body(UnsafeRawBufferPointer(start: pieces[index].iov_base, count: pieces[index].iov_len))
    }
  }

  package func removeAll() {
    first = 0
    end = 0
    byteCount = 0
  }

  func withMessage<Result>(_ body: (UnsafePointer<msghdr>) -> Result) -> Result {
    var message = msghdr()
    message.msg_iov = pieces + first
    message.msg_iovlen = end - first
    return body(&message)
  }
}
