/// What a session sends next, in order: frame heads and small things copied into a block that the owner lends, and large
/// body pieces where they lie. Confined to its session.
package final class HTTP2Output {
  /// How many pieces there are at most.
  package static let pieceLimit = 60
  /// Body pieces up to this size are copied: less work than another piece.
  private static let smallPiece = 256

  private var block = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var used = 0
  package private(set) var pieces: [UnsafeRawBufferPointer] = []
  /// Streams of which something is in `pieces`; one may stand more than once.
  package private(set) var streams: [Int32] = []

  package var isEmpty: Bool { pieces.isEmpty }

  /// Forgets what was sent and takes new memory to write to.
  package func reset(_ block: UnsafeMutableRawBufferPointer) {
    self.block = block
    used = 0
    pieces.removeAll(keepingCapacity: true)
    streams.removeAll(keepingCapacity: true)
  }

  /// Whether `bytes` may be copied and `pieces` body pieces added.
  func hasRoom(bytes: Int, pieces count: Int) -> Bool {
    block.count - used >= bytes && Self.pieceLimit - pieces.count > count
  }

  /// Copies bytes behind what there is. There must be room.
  func copy(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count > 0 else { return }
    let target = UnsafeMutableRawBufferPointer(rebasing: block[used..<used + bytes.count])
    target.copyMemory(from: bytes)
    used += bytes.count
    if let last = pieces.last, let start = last.baseAddress, let here = target.baseAddress,
      start + last.count == UnsafeRawPointer(here)
    {
      pieces[pieces.count - 1] = UnsafeRawBufferPointer(start: start, count: last.count + bytes.count)
    } else {
      pieces.append(UnsafeRawBufferPointer(target))
    }
  }

  /// Adds a body piece, which stays where it is unless it is small.
  func append(_ piece: UnsafeRawBufferPointer) {
    if piece.count <= Self.smallPiece, block.count - used >= piece.count {
      copy(piece)
    } else {
      pieces.append(piece)
    }
  }

  func touch(_ stream: Int32) {
    if streams.last != stream { streams.append(stream) }
  }
}
