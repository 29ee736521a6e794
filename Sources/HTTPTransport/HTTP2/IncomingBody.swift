import EventLoop

/// Body bytes that have come and are not yet read, in the order in which they came. Confined to its loop.
///
/// They lie in blocks that were read as a whole and taken over, or in memory of their own. Either goes back once what is in
/// it was lent and released.
struct IncomingBody {
  /// Memory for copies is made in at least this size, so that small frames share some.
  private static let leastCopy = 4_096

  private static let leastTrim = 64

  private struct Piece {
    var bytes: UnsafeRawBufferPointer
    /// Goes back when this piece is released: the last one of its memory.
    var owned: Owned?
  }

  private enum Owned {
    case block(UnsafeMutableRawBufferPointer, BufferPool)
    /// With how much of it is filled.
    case copy(UnsafeMutableRawBufferPointer, Int)
  }

  private var pieces: [Piece] = []
  private var first = 0
  private var lent: [Owned] = []
  private(set) var byteCount = 0

  var isEmpty: Bool { byteCount == 0 }

  /// Adds bytes that stay until their block, which follows by `adopt`, is released.
  mutating func append(lent bytes: UnsafeRawBufferPointer) {
    guard bytes.count > 0 else { return }
    pieces.append(Piece(bytes: bytes, owned: nil))
    byteCount += bytes.count
  }

  /// Takes over the block that the last pieces lie in.
  mutating func adopt(_ block: UnsafeMutableRawBufferPointer, of pool: BufferPool) -> Bool {
    guard let last = pieces.indices.last, last >= first, pieces[last].owned == nil else { return false }
    pieces[last].owned = .block(block, pool)
    return true
  }

  mutating func append(copying bytes: UnsafeRawBufferPointer) {
    guard bytes.count > 0 else { return }
    byteCount += bytes.count
    if let last = pieces.indices.last, last >= first, case .copy(let memory, let filled) = pieces[last].owned,
      memory.count - filled >= bytes.count, let base = memory.baseAddress
    {
      (base + filled).copyMemory(from: bytes.baseAddress ?? UnsafeRawPointer(base), byteCount: bytes.count)
      let piece = pieces[last].bytes
      pieces[last].bytes = UnsafeRawBufferPointer(start: piece.baseAddress, count: piece.count + bytes.count)
      pieces[last].owned = .copy(memory, filled + bytes.count)
      return
    }
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(Self.leastCopy, bytes.count), alignment: 16)
    memory.copyMemory(from: bytes)
    let copied = UnsafeRawBufferPointer(rebasing: memory[..<bytes.count])
    pieces.append(Piece(bytes: copied, owned: .copy(memory, bytes.count)))
  }

  /// Moves pieces from the front to `list`, until it holds `limit`. Their memory is held until `release`.
  /// - Returns: how many bytes that were.
  mutating func lend(to list: GatherList, limit: Int) -> Int {
    var count = 0
    while first < pieces.count, list.pieceCount < limit {
      let piece = pieces[first]
      list.append(piece.bytes)
      count += piece.bytes.count
      if let owned = piece.owned { lent.append(owned) }
      first += 1
    }
    byteCount -= count
    if first == pieces.count {
      pieces.removeAll(keepingCapacity: true)
      first = 0
    } else if first >= Self.leastTrim, first * 2 >= pieces.count {
      // A reader that never comes to the end must not make the list grow for ever.
      pieces.removeFirst(first)
      first = 0
    }
    return count
  }

  /// Leaves the memory of what was lent to its holder.
  mutating func leaveLent() -> LentMemory {
    let owned = lent
    lent = []
    return LentMemory { for one in owned { Self.free(one) } }
  }

  /// Gives back the memory of what was lent.
  mutating func release() {
    guard !lent.isEmpty else { return }
    for owned in lent { Self.free(owned) }
    lent.removeAll(keepingCapacity: true)
  }

  /// Gives back all memory, also of what was lent or was not.
  mutating func removeAll() {
    release()
    for piece in pieces[first...] { if let owned = piece.owned { Self.free(owned) } }
    pieces.removeAll()
    first = 0
    byteCount = 0
  }

  private static func free(_ owned: Owned) {
    switch owned {
    case .block(let block, let pool): pool.give(block)
    case .copy(let memory, _): memory.deallocate()
    }
  }
}
