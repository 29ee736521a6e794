import EventLoop

/// The pieces of a gather list that were copied into one block, so that they can go back into the list if they are not
/// written after all.
struct StagedPieces {
  private var count = 0
  /// How many bytes were copied.
  private(set) var byteCount = 0

  /// Copies the front of `list`, at most `limit` bytes, to the start of `block` and takes it off the list. Remembers the
  /// pieces in `kept`, which must have room for all that a list holds.
  mutating func take(
    from list: GatherList, into block: UnsafeMutableRawBufferPointer, limit: Int,
    keeping kept: UnsafeMutableBufferPointer<UnsafeRawBufferPointer>
  ) {
    while byteCount < limit, let front = list.front {
      let piece = UnsafeRawBufferPointer(rebasing: front.prefix(limit - byteCount))
      UnsafeMutableRawBufferPointer(rebasing: block[byteCount...]).copyMemory(from: piece)
      list.removeFront(piece.count)
      byteCount += piece.count
      kept.initializeElement(at: count, to: piece)
      count += 1
    }
  }

  /// Puts all but the first `written` bytes back to the front of `list`.
  func putBack(
    into list: GatherList, from kept: UnsafeMutableBufferPointer<UnsafeRawBufferPointer>, without written: Int
  ) {
    guard written < byteCount else { return }
    // A list takes pieces at its end only, so the rest moves behind the ones that come back.
    var end = count
    while let front = list.front {
      let last = kept[end - 1]
      if front.baseAddress == last.baseAddress.map({ $0 + last.count }) {
        // The piece that was cut at the limit. In one again, since the list may have no room for one more.
        kept[end - 1] = UnsafeRawBufferPointer(start: last.baseAddress, count: last.count + front.count)
      } else {
        kept.initializeElement(at: end, to: front)
        end += 1
      }
      list.removeFront(front.count)
    }
    for piece in kept[..<end] { list.append(piece) }
    list.removeFront(written)
  }
}
