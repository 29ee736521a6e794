/// Follows a pkt-line stream while it is relayed, so that one cut off anywhere can still end in a readable error.
///
/// The relay shows every chunk to `advance(over:)` and forwards what that releases. All bytes go through unchanged and
/// in order, but an incomplete length prefix at the end of a chunk (at most 3 bytes) waits inside for the rest: once
/// sent, it would leave a packet that nobody can complete. Packets are skipped by their length: the cost is per packet
/// and per chunk, never per byte, and nothing is allocated.
///
/// A stream that is not pkt-line, such as the raw pack of upload-pack without side-band, turns the tracker transparent:
/// from then on it releases everything and has no readable ending to offer.
/// Sources: gitprotocol-common, pkt-line format; gitprotocol-pack, packfile data; gitprotocol-v2, fetch.
package struct PktLineTracker: Sendable {
  /// When the client begins to read packets as sideband. A packet with a band byte shows it in any case.
  package enum SidebandStart: Hashable, Sendable {
    /// No sideband was negotiated.
    case never
    /// From the first packet on: receive-pack with `side-band-64k`, fetch with `sideband-all`.
    case immediately
    /// After `NAK` or the `ACK` without status word: upload-pack v0 and v1 with side-band.
    case afterAcknowledgement
    /// After the line `packfile`: fetch in v2.
    case afterPackfileLine
  }

  /// What may go out now: first `prefix`, then the first `count` bytes of the chunk. The rest of the chunk is kept in
  /// the tracker and is part of a later release.
  package struct Release: Hashable, Sendable {
    /// Bytes of an earlier chunk, at most 3.
    package var prefix = PktLinePrefixBytes()
    /// Bytes from the beginning of the chunk.
    package var count = 0
  }

  /// The bytes held back: the beginning of a length prefix, at most 3 bytes.
  package private(set) var heldPrefix = PktLinePrefixBytes()
  /// Whether the stream turned out not to be pkt-line; everything is released from there on.
  package private(set) var isTransparent = false
  /// Whether any byte was released.
  package private(set) var hasForwarded = false
  /// Whether the client reads packets as sideband by now: errors must be band-3 packets.
  package private(set) var isInSideband: Bool
  /// Payload bytes that the open packet still lacks; 0 between packets.
  package private(set) var openBytes = 0
  /// The first payload byte of the open packet, if it has been released: its band, once sideband has begun.
  package private(set) var openBand: UInt8?
  /// Whether the last packet released is a flush-pkt.
  package private(set) var endsInFlush = false

  /// Whether the last packet released is whole, or none was begun.
  package var isBetweenPackets: Bool { openBytes == 0 }

  private let sidebandStart: SidebandStart
  private var payloadBytes = 0
  /// The first bytes of the open packet's payload, as far as they fit, the first one highest. Text lines only.
  private var head: UInt64 = 0
  private var headBytes = 0

  package init(sideband: SidebandStart) {
    sidebandStart = sideband
    isInSideband = sideband == .immediately
  }

  /// Takes the next chunk of the stream and tells what may be forwarded now. The bytes are looked at only during the
  /// call. Never fails: bytes that are no pkt-line make the tracker transparent.
  package mutating func advance(over bytes: UnsafeRawBufferPointer) -> Release {
    var release = Release()
    while release.count < bytes.count, !isTransparent {
      if openBytes > 0 {
        release.count += follow(bytes, from: release.count)
        continue
      }
      var prefix = heldPrefix
      var next = release.count
      while prefix.count < PktLine.prefixBytes, next < bytes.count {
        prefix.append(bytes[next])
        next += 1
      }
      // Stray bytes that can be no prefix are not worth holding: the stream may well end with them.
      if prefix.count < PktLine.prefixBytes, prefix.isHexadecimal {
        heldPrefix = prefix
        break
      }
      if !heldPrefix.isEmpty { release.prefix = heldPrefix }
      heldPrefix = PktLinePrefixBytes()
      release.count = next
      open(prefix)
    }
    if isTransparent { release.count = bytes.count }
    if release.count > 0 { hasForwarded = true }
    return release
  }

  /// Gives out the bytes held back, at most 3, and turns transparent. For the clean end of the stream: an origin that
  /// ends inside a length prefix gets relayed as it is.
  package mutating func takeHeldPrefix() -> PktLinePrefixBytes {
    let held = heldPrefix
    heldPrefix = PktLinePrefixBytes()
    if !held.isEmpty {
      isTransparent = true
      hasForwarded = true
    }
    return held
  }

  private mutating func open(_ prefix: PktLinePrefixBytes) {
    endsInFlush = false
    guard prefix.count == PktLine.prefixBytes, let decoded = try? PktLine.decodePrefix(prefix.digits) else {
      isTransparent = true
      return
    }
    switch decoded {
    case .flush: endsInFlush = true
    case .delimiter, .responseEnd: break
    case .data(let count):
      payloadBytes = count
      openBytes = count
      openBand = nil
      head = 0
      headBytes = 0
    }
  }

  /// Moves on within the open packet and returns how many bytes of the chunk belong to it, at least one.
  private mutating func follow(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    let count = min(openBytes, bytes.count - start)
    if openBand == nil { openBand = bytes[start] }
    if !isInSideband {
      for byte in bytes[start..<start + min(count, MemoryLayout<UInt64>.size - headBytes)] {
        head = head << 8 | UInt64(byte)
        headBytes += 1
      }
      // No text line begins with a control character, so this is a band byte whatever was negotiated.
      if let openBand, Sideband(rawValue: openBand) != nil { isInSideband = true }
    }
    openBytes -= count
    if openBytes == 0, !isInSideband { isInSideband = opensSideband() }
    return count
  }

  /// Whether the text line that has just ended is the last one before sideband.
  private func opensSideband() -> Bool {
    switch sidebandStart {
    case .never, .immediately: return false
    case .afterPackfileLine:
      // `packfile-uris` begins alike; only the length tells them apart. The newline is optional.
      return head == PktLine.word("packfile") && (8...9).contains(payloadBytes)
    case .afterAcknowledgement:
      if headBytes <= 4 { return head == PktLine.word("NAK\n") || head == PktLine.word("NAK") }
      // `ACK` and an object id of 40 or 64 digits; a status word (common, continue, ready) would make it longer.
      return head >> 32 == PktLine.word("ACK ") && [44, 45, 68, 69].contains(payloadBytes)
    }
  }
}
