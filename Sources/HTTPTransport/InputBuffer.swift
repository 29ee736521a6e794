package import EventLoop

/// What has been read from a transport and not yet used: at most one block of the loop's pool, held only while there is
/// much in it or about to come. A small beginning waits for its rest in memory of its own size: peers that begin and never
/// go on, thousands at once, must not hold a block each.
package final class InputBuffer {
  private let transport: Transport
  private let pool: BufferPool
  private var block: UnsafeMutableRawBufferPointer?
  /// The unused bytes during a wait, when they are few; owned. Then there is no block.
  private var small: UnsafeMutableRawBufferPointer?
  private static let smallBytes = 4_096
  private var start = 0
  private var end = 0
  /// Bytes read since the buffer was made.
  private(set) var bytesRead = 0

  package init(_ transport: Transport) {
    self.transport = transport
    pool = transport.loop.buffers
  }

  deinit {
    if let block { pool.give(block) }
    small?.deallocate()
  }

  /// The unused bytes. They stay where they are until `fill` or `release`.
  package var bytes: UnsafeRawBufferPointer {
    guard let block = block ?? small else { return UnsafeRawBufferPointer(start: nil, count: 0) }
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
        shrink()
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

  /// Leaves the block to the holder of what was lent from it, and goes on in another.
  func leaveBlock() -> LentMemory {
    guard let block else { return LentMemory {} }
    let rest = UnsafeRawBufferPointer(rebasing: block[start..<end])
    self.block = nil
    start = 0
    end = 0
    if !rest.isEmpty {
      let other = pool.take()
      other.copyMemory(from: rest)
      self.block = other
      end = rest.count
    }
    return LentMemory { [pool] in pool.give(block) }
  }

  /// Gives the block back if nothing is in it.
  package func release() {
    guard isEmpty else { return }
    if let block { pool.give(block) }
    block = nil
    small?.deallocate()
    small = nil
    start = 0
    end = 0
  }

  /// Gives the block back for a wait of unknown length, unless there is much in it.
  private func shrink() {
    if isEmpty { return release() }
    guard let block, end - start <= Self.smallBytes else { return }
    let kept = UnsafeMutableRawBufferPointer.allocate(byteCount: end - start, alignment: 1)
    kept.copyMemory(from: UnsafeRawBufferPointer(rebasing: block[start..<end]))
    pool.give(block)
    self.block = nil
    small = kept
    start = 0
    end = kept.count
  }

  private func makeSpace() -> UnsafeMutableRawBufferPointer {
    let block = self.block ?? pool.take()
    self.block = block
    if let small {
      UnsafeMutableRawBufferPointer(rebasing: block[start..<end]).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: small[start..<end]))
      small.deallocate()
      self.small = nil
    }
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
