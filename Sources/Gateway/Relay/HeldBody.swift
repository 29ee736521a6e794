import EventLoop
import HTTPTransport

/// The beginning of a request body, kept until the upstream has taken the request, so that it can be sent again.
///
/// Holds at most one block, or as much as a reader of whole requests allows. A body that came in one piece stays where it
/// was read and is not copied. Confined to its loop.
final class HeldBody {
  private let exchange: ServerExchange
  private let pool: BufferPool
  private var block: UnsafeMutableRawBufferPointer?
  private var count = 0
  /// The body in the connection's own input, valid until more is read from it.
  private var lent: UnsafeRawBufferPointer?
  /// Nothing of the body comes after what is held.
  private(set) var isWhole = false

  init(_ exchange: ServerExchange) {
    self.exchange = exchange
    pool = exchange.loop.buffers
  }

  deinit { if let block { release(block) } }

  private func release(_ block: UnsafeMutableRawBufferPointer) {
    if block.count == BufferPool.blockBytes { pool.give(block) } else { block.deallocate() }
  }

  /// What is held, in one run.
  var bytes: UnsafeRawBufferPointer {
    if let lent { return lent }
    return block.map { UnsafeRawBufferPointer(rebasing: $0[..<count]) } ?? UnsafeRawBufferPointer(start: nil, count: 0)
  }

  /// Reads until the body has ended or as much is held as may be. May be called again with a higher limit; what is held may
  /// move then.
  /// - Parameter limit: bytes; at least a block.
  func fill(limit: Int = BufferPool.blockBytes) async throws(TransportError) {
    if isWhole { return }
    let list = rest ?? GatherList()
    rest = nil
    while true {
      if list.isEmpty {
        guard count < limit || block == nil, try await exchange.readBody(into: list) else { break }
      }
      if count == 0, exchange.isBodyRead, list.pieceCount == 1 {
        lent = list.front
        isWhole = true
        return
      }
      take(list, limit: limit)
      if !list.isEmpty {
        rest = list
        return
      }
      if exchange.isBodyRead { break }
      if count >= limit { return }
    }
    isWhole = exchange.isBodyRead
  }

  /// Copies as much as there is room for.
  ///
  /// What one read brings is at most a block; what does not fit any more stays in the list and is lost to nobody: a read never
  /// brings more than the block's size, so two of them may overlap by less than one block.
  private func take(_ list: GatherList, limit: Int) {
    var block = self.block ?? pool.take()
    self.block = block
    while let piece = list.front {
      if count == block.count, let larger = grown(block, limit: limit) { block = larger }
      let room = min(piece.count, block.count - count)
      guard room > 0 else { break }
      UnsafeMutableRawBufferPointer(rebasing: block[count...]).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: piece[..<room]))
      count += room
      list.removeFront(room)
    }
  }

  /// Moves what is held into memory twice as large; nil when that would be too much.
  private func grown(_ block: UnsafeMutableRawBufferPointer, limit: Int) -> UnsafeMutableRawBufferPointer? {
    guard block.count < limit else { return nil }
    let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: min(limit, block.count * 2), alignment: 16)
    larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: block[..<count]))
    release(block)
    self.block = larger
    return larger
  }

  /// Bytes that were read along with the last ones held and did not fit: they follow directly, before anything else is
  /// read.
  private(set) var rest: GatherList?
}
