package import EventLoop

/// One client's place in a spool. Confined to its loop; a reader that goes lets its producer know.
package final class SpoolReader {
  package let spool: Spool
  private let number: Int
  /// What has been read, bytes from the beginning.
  package private(set) var offset: Int
  /// Its client is gone: it waits no more.
  package private(set) var isCancelled = false
  /// Told when it is, for waits outside the spool.
  var onCancel: (() -> Void)?

  init(_ spool: Spool, number: Int, offset: Int) {
    self.spool = spool
    self.number = number
    self.offset = offset
  }

  deinit { spool.left(number) }

  /// Reads on into `buffer`, waiting for more where it must.
  ///
  /// - Returns: the number of bytes, or how the answer has ended. A reader that was cancelled gets `.cut`.
  /// - Throws: `SystemError` of the file.
  package func read(into buffer: UnsafeMutableRawBufferPointer) async throws(SystemError) -> Result {
    while true {
      if isCancelled { return .end(.cut("the client is gone")) }
      let count = try spool.read(at: offset, into: buffer)
      if count > 0 {
        offset += count
        spool.moved(number, to: offset)
        return .bytes(count)
      }
      if let end = spool.end(for: number, at: offset) { return .end(end) }
      // Looked at inside: a cancel that comes on the way there would wake nobody.
      await spool.waitForMore(behind: offset) { isCancelled }
    }
  }

  /// Waits until there is more to read. False when there is nothing more.
  package func hasMore() async -> Bool {
    await spool.waitForMore(behind: offset) { isCancelled }
    return !isCancelled && spool.count > offset
  }

  package enum Result {
    case bytes(Int)
    case end(Spool.End)
  }

  /// Ends a wait: the client is gone.
  package func cancel() {
    isCancelled = true
    spool.wakeReaders()
    onCancel?()
  }
}
