package import EventLoop

/// What has been read from a transport and not yet used: at most one block of the loop's pool, held only while there is
/// something in it or about to come.
package final class InputBuffer {
  private let transport: Transport
  private let pool: BufferPool
  private var block: UnsafeMutableRawBufferPointer?
  private var start = 0
  private var end = 0
  /// Bytes read since the buffer was made.
  private(set) var bytesRead = 0

  package init(_ transport: Transport) {
    self.transport = transport
    pool = transport.loop.buffers
  }

  deinit { if let block { pool.give(block) } }

  /// The unused bytes. They stay where they are until `fill` or `release`.
  package var bytes: UnsafeRawBufferPointer {
    guard let block else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(rebasing: block[start..<end])
  }

  package var isEmpty: Bool { start == end }

  /// Takes `count` bytes off the front. Their memory stays as it is until `fill` or `release`.
  package func consume(_ count: Int) {
    precondition(count <= end - start, "more consumed than was there")
    start += count
  }

  /// Reads more, waiting up to `idle` for it. Bytes that were lent may move.
  ///
  /// - Returns: false at the end of the stream.
  /// - Throws: `.timedOut`; `.tooLong` when the block is full of unused bytes.
  package func fill(idle: Duration) async throws(TransportError) -> Bool {
    while true {
      let space = makeSpace()
      guard !space.isEmpty else { throw .tooLong(limit: BufferPool.blockBytes) }
      switch try transport.read(into: space) {
      case .bytes(let count):
        end += count
        bytesRead += count
        return true
      case .endOfStream: return false
      case .wouldBlock:
        release()
        try await transport.waitUntilReadable(for: idle)
      }
    }
  }

  /// Reads what is there without waiting. Returns false when nothing was.
  package func fillNow() throws(TransportError) -> IOResult {
    let result = try transport.read(into: makeSpace())
    if case .bytes(let count) = result {
      end += count
      bytesRead += count
    }
    return result
  }

  /// Gives the block back if nothing is in it.
  package func release() {
    guard isEmpty, let block else { return }
    pool.give(block)
    self.block = nil
    start = 0
    end = 0
  }

  private func makeSpace() -> UnsafeMutableRawBufferPointer {
    let block = self.block ?? pool.take()
    self.block = block
    if start == end {
      start = 0
      end = 0
    } else if end == block.count, start > 0 {
      block.copyMemory(from: UnsafeRawBufferPointer(rebasing: block[start..<end]))
      end -= start
      start = 0
    }
    return UnsafeMutableRawBufferPointer(rebasing: block[end...])
  }
}
