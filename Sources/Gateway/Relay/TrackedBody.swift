import EventLoop
import GitProtocol

/// A result body on its way: what of it may go out, and how it ends when it is cut. Confined to its loop.
final class TrackedBody {
  private var tracker: PktLineTracker
  /// The pieces to send now; they point into the list that was followed and into `prefixes`.
  let outgoing = GatherList()
  /// Prefix bytes that were held back and go out before a piece: four bytes for each piece of a list.
  private let prefixes = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 * GatherList.capacity, alignment: 4)

  private var prefixCount = 0

  init(sideband: PktLineTracker.SidebandStart) { tracker = PktLineTracker(sideband: sideband) }

  deinit { prefixes.deallocate() }

  /// Takes pieces off `list`: all of them, or as many as fit along with the prefixes that were held back before them and
  /// with what the writer adds.
  func follow(_ list: GatherList) {
    prefixCount = 0
    while outgoing.pieceCount < GatherList.capacity - 6, let piece = list.front {
      let release = tracker.advance(over: piece)
      append(release.prefix)
      outgoing.append(UnsafeRawBufferPointer(rebasing: piece[..<release.count]))
      list.removeFront(piece.count)
    }
  }

  /// The stream would end inside a packet, and that can still be told.
  var isCut: Bool {
    !(tracker.isBetweenPackets && tracker.heldPrefix.isEmpty) && !tracker.ending(with: "").isEmpty
  }

  /// Lets out the bytes held back: nothing follows them.
  func releaseHeld() { append(tracker.takeHeldPrefix()) }

  private func append(_ bytes: PktLinePrefixBytes) {
    guard !bytes.isEmpty else { return }
    let start = 4 * prefixCount
    let slot = UnsafeMutableRawBufferPointer(rebasing: prefixes[start..<start + bytes.count])
    slot.copyBytes(from: bytes)
    outgoing.append(UnsafeRawBufferPointer(slot))
    prefixCount += 1
  }

  func ending(with text: String) -> [UInt8] { tracker.ending(with: text) }
}
