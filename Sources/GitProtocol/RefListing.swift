/// Reads the answer to a v2 `ls-refs` while it is relayed.
///
/// A packet that was split between pieces waits inside until it is whole, at most 65,520 bytes; all others are read
/// where they lie. Source: gitprotocol-v2, ls-refs.
package struct RefListing: Sendable {
  private enum Place {
    case refs, end, other
  }

  private var place = Place.refs
  /// The beginning of a packet, prefix included.
  private var held: [UInt8] = []

  package init() {}

  /// Whether the flush-pkt at the end was seen and nothing after it. Never for what is no such answer, such as an `ERR`
  /// packet: what was handed out before may be a part of the refs only.
  package var isComplete: Bool { place == .end }

  /// Takes the next piece of the answer and hands out each id with the name of its ref: 40 or 64 hexadecimal digits in
  /// lower case, and the bytes of the name.
  ///
  /// The id that a tag peels to comes as a second one under the same name. An unborn ref has no id and is left out. Both
  /// buffers are valid during the call only.
  package mutating func advance(
    over piece: UnsafeRawBufferPointer,
    _ body: (_ id: UnsafeRawBufferPointer, _ name: UnsafeRawBufferPointer) -> Void
  ) {
    var rest = piece[...]
    while !rest.isEmpty, place == .refs {
      if held.isEmpty, rest.count >= Self.packetBytes(rest) {
        let packet = rest.prefix(Self.packetBytes(rest))
        place = Self.read(packet, body)
        rest = rest[packet.endIndex...]
      } else {
        let part = rest.prefix(heldPacketBytes - held.count)
        held += part
        rest = rest[part.endIndex...]
        guard held.count == heldPacketBytes else { continue }
        place = held.withUnsafeBytes { Self.read($0[...], body) }
        held.removeAll(keepingCapacity: true)
      }
    }
    if !rest.isEmpty { place = .other }
  }

  private var heldPacketBytes: Int { held.withUnsafeBytes { Self.packetBytes($0[...]) } }

  /// Bytes of the packet that the bytes begin with, as far as they tell: those of its prefix at least.
  private static func packetBytes(_ bytes: Slice<UnsafeRawBufferPointer>) -> Int {
    if case .data(let payloadBytes) = prefix(bytes) { PktLine.prefixBytes + payloadBytes } else { PktLine.prefixBytes }
  }

  /// What the bytes announce; nil for too few of them, and for what is no pkt-line.
  private static func prefix(_ bytes: Slice<UnsafeRawBufferPointer>) -> PktLine.Prefix? {
    guard bytes.count >= PktLine.prefixBytes else { return nil }
    return try? PktLine.decodePrefix(bytes.prefix(PktLine.prefixBytes).reduce(0) { $0 << 8 | UInt32($1) })
  }

  /// Reads a whole packet and says where the listing stands behind it.
  private static func read(
    _ packet: Slice<UnsafeRawBufferPointer>, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
  ) -> Place {
    switch prefix(packet) {
    case .flush: return .end
    case .data: break
    case .delimiter, .responseEnd, nil: return .other
    }
    var line = packet.dropFirst(PktLine.prefixBytes)
    if line.last == UInt8(ascii: "\n") { line.removeLast() }
    let first = takeWord(&line)
    let name = takeWord(&line)
    guard !name.isEmpty else { return .other }
    if first.elementsEqual("unborn".utf8) { return .refs }
    guard ObjectID.isLowerCaseHexadecimal(first) else { return .other }
    var peeled: UnsafeRawBufferPointer?
    while !line.isEmpty {
      let attribute = takeWord(&line)
      guard attribute.starts(with: "peeled:".utf8) else { continue }
      let id = UnsafeRawBufferPointer(rebasing: attribute.dropFirst("peeled:".utf8.count))
      guard ObjectID.isLowerCaseHexadecimal(id) else { return .other }
      peeled = id
    }
    body(first, name)
    if let peeled { body(peeled, name) }
    return .refs
  }

  /// Takes the bytes up to the next blank, and the blank.
  private static func takeWord(_ line: inout Slice<UnsafeRawBufferPointer>) -> UnsafeRawBufferPointer {
    let word = line.prefix { $0 != UInt8(ascii: " ") }
    line = line[word.endIndex...].dropFirst()
    return UnsafeRawBufferPointer(rebasing: word)
  }
}
