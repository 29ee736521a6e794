/// Follows the answer to a v2 `fetch` while it is relayed, and tells which bytes of it a cache keeps: all but the
/// packets of band 2, which are progress text.
///
/// What is kept is a whole answer again, with the sections before `packfile` and with the empty band-1 packets that
/// keep a connection alive. Packets are skipped by their length: the cost is per packet and per chunk, never per byte,
/// and nothing is allocated. At most 5 bytes wait inside, of a packet whose band is yet to come.
///
/// The recording ends with the verdict `.other`: nothing more is kept, and what was is of no use.
/// Sources: gitprotocol-v2, fetch; gitprotocol-pack, packfile data; gitprotocol-common, pkt-line format.
package struct FetchAnswerRecorder: Sendable {
  /// What the answer is.
  package enum Verdict: Hashable, Sendable {
    /// Sections that may come before a pack, so far.
    case undecided
    /// A pack: the line `packfile` has gone by.
    case pack
    /// Nothing to keep: not pkt-line, an `ERR` packet, band 3, an end without `packfile`, or bytes behind the end.
    case other
  }

  /// Bytes kept up to the end of the line `packfile`, that line included; 0 before.
  package private(set) var preludeBytes = 0
  /// Bytes kept so far, framing included. Valid between two calls of `advance`.
  package private(set) var keptBytes = 0
  /// Bytes of the pack so far: the payload of band 1.
  package private(set) var packBytes = 0

  private enum Place {
    case sections, pack, end, other
  }

  private var place = Place.sections
  /// The first bytes of the next packet, the last one lowest: its length and, in the packfile section, its band.
  private var header: UInt64 = 0
  private var headerBytes = 0
  /// Bytes that the open packet still lacks, and its band; nil for a text line.
  private var openBytes = 0
  private var openBand: Sideband?
  /// Bytes of the open text line, the first of them as far as they fit, the last one lowest, and the last so far.
  private var lineBytes = 0
  private var lineHead: UInt64 = 0
  private var lineEnd: UInt8 = 0
  /// Whether the next text line names a section.
  private var beginsSection = true

  /// The lines before the pack are sideband as well.
  private let isSidebandAll: Bool

  /// - Parameter isSidebandAll: the request asked for `sideband-all`.
  package init(isSidebandAll: Bool = false) { self.isSidebandAll = isSidebandAll }

  package var verdict: Verdict {
    switch place {
    case .sections: .undecided
    case .pack, .end: .pack
    case .other: .other
    }
  }

  /// Whether the flush-pkt behind the pack was seen and nothing after it.
  package var isComplete: Bool { place == .end }

  /// Whether all bytes seen were either kept or are packets left out as a whole: nothing waits inside, and the open
  /// packet, if there is one, is kept. False once the answer is nothing to keep.
  package var isAligned: Bool { place != .other && headerBytes == 0 && (openBytes == 0 || isOpenKept) }

  private var isOpenKept: Bool { openBand != .progress }

  /// Takes the next piece of the answer and hands the bytes to keep to `keep`, in order and in runs as long as
  /// possible. A run points into the piece or into bytes of the recorder, and is valid during the call only.
  package mutating func advance(over piece: UnsafeRawBufferPointer, keep: (UnsafeRawBufferPointer) -> Void) {
    var run = 0
    var next = 0
    while next < piece.count, place != .other {
      if place == .end {
        place = .other
        break
      }
      if headerBytes == 0, openBytes > 0 {
        next += follow(piece, from: next)
        if !isOpenKept { run = next }
        continue
      }
      let packet = next
      let held = headerBytes
      let heldHeader = header
      switch readHeader(piece, &next) {
      case nil, .leaveOut:
        Self.hand(piece, run..<packet, to: keep)
        run = next
      case .keep where held > 0: Self.hand(heldHeader, held, to: keep)
      case .keep: break
      }
    }
    Self.hand(piece, run..<next, to: keep)
  }

  /// Says that the answer has ended. One that has not come to its pack is nothing to keep.
  package mutating func finish() {
    if place == .sections { place = .other }
  }

  // MARK: Packets

  private enum Decision {
    case keep, leaveOut
  }

  /// Reads the length of a packet, and its band in the packfile section; nil when the piece ends before.
  private mutating func readHeader(_ piece: UnsafeRawBufferPointer, _ next: inout Int) -> Decision? {
    while next < piece.count {
      header = header << 8 | UInt64(piece[next])
      headerBytes += 1
      next += 1
      let decision: Decision? =
        switch headerBytes {
        case ..<PktLine.prefixBytes: nil
        case PktLine.prefixBytes: open(length: UInt32(truncatingIfNeeded: header))
        default: open(band: UInt8(truncatingIfNeeded: header))
        }
      guard let decision else { continue }
      if decision == .keep { keptBytes += headerBytes }
      header = 0
      headerBytes = 0
      return decision
    }
    return nil
  }

  /// Decides on a packet by its length; nil when its band counts.
  private mutating func open(length digits: UInt32) -> Decision? {
    guard let prefix = try? PktLine.decodePrefix(digits) else { return leave() }
    switch (place, prefix) {
    case (.sections, .delimiter): beginsSection = true
    case (.pack, .data(let count)) where count > 0, (.sections, .data(let count)) where isSidebandAll && count > 0:
      openBytes = count
      return nil
    case (.sections, .data) where isSidebandAll: return leave()
    case (.sections, .data(let count)): beginLine(count)
    case (.pack, .flush): place = .end
    default: return leave()
    }
    return .keep
  }

  private mutating func open(band: UInt8) -> Decision {
    openBytes -= 1
    openBand = Sideband(rawValue: band)
    switch openBand {
    case .data:
      if place == .sections { beginLine(openBytes) }
      return .keep
    case .progress: return .leaveOut
    case .error, nil: return leave()
    }
  }

  /// Begins a text line of so many bytes.
  private mutating func beginLine(_ count: Int) {
    openBand = nil
    lineHead = 0
    lineBytes = count
    openBytes = count
    if count == 0 { endLine() }
  }

  private mutating func leave() -> Decision {
    place = .other
    openBytes = 0
    return .leaveOut
  }

  /// Moves on within the open packet and returns how many bytes of the piece belong to it, at least one.
  private mutating func follow(_ piece: UnsafeRawBufferPointer, from start: Int) -> Int {
    let count = min(openBytes, piece.count - start)
    let room = max(0, MemoryLayout<UInt64>.size - (lineBytes - openBytes))
    openBytes -= count
    switch openBand {
    case .data:
      keptBytes += count
      packBytes += count
    case nil:
      keptBytes += count
      for byte in piece[start..<start + min(count, room)] { lineHead = lineHead << 8 | UInt64(byte) }
      lineEnd = piece[start + count - 1]
      if openBytes == 0 { endLine() }
    case .progress, .error: break
    }
    return count
  }

  private mutating func endLine() {
    let headBytes = min(lineBytes, MemoryLayout<UInt64>.size)
    if headBytes >= 4, lineHead >> (8 * (headBytes - 4)) == PktLine.word("ERR ") {
      place = .other
    } else if beginsSection, lineHead == PktLine.word("packfile"),
      lineBytes == 8 || lineBytes == 9 && lineEnd == UInt8(ascii: "\n")
    {
      place = .pack
      preludeBytes = keptBytes
    }
    beginsSection = false
  }

  // MARK: Runs

  private static func hand(
    _ piece: UnsafeRawBufferPointer, _ range: Range<Int>, to keep: (UnsafeRawBufferPointer) -> Void
  ) {
    if !range.isEmpty { keep(UnsafeRawBufferPointer(rebasing: piece[range])) }
  }

  /// Hands over the last `count` bytes of `header`, which came with an earlier piece.
  private static func hand(_ header: UInt64, _ count: Int, to keep: (UnsafeRawBufferPointer) -> Void) {
    let bytes = (header << (64 - 8 * UInt64(count))).bigEndian
    withUnsafeBytes(of: bytes) { keep(UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
  }
}
