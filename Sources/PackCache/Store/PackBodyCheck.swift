import GitProtocol

/// Reads a body once, in pieces of any size, and tells whether it is what a client may get: a prelude of whole
/// pkt-lines with the line `packfile` last, then a pack in band 1 that ends in its own checksum, then a flush-pkt.
///
/// Sources: gitprotocol-v2, fetch; gitformat-pack, trailer.
struct PackBodyCheck: ~Copyable {
  private enum Section {
    case prelude, pack, end
  }

  private static let magic = Array("PACK".utf8)
  private static let headerBytes = 12

  /// Bytes of the pack, trailer included.
  private(set) var packBytes = 0

  private let preludeBytes: Int
  private let trailerBytes: Int
  private var section = Section.prelude
  private var bytesRead = 0
  /// The digits of a length prefix, as far as they have come.
  private var digits: UInt32 = 0
  private var digitCount = 0
  /// Payload bytes that the open packet still lacks.
  private var openBytes = 0
  private var awaitsBand = false
  /// The beginning of the last line of the prelude.
  private var line: [UInt8] = []
  private var packHead: [UInt8] = []
  private var digest: Digest
  /// The last bytes of the pack, not hashed: they may be its trailer.
  private var tail: [UInt8] = []

  init(preludeBytes: Int, trailer: Digest.Algorithm) {
    self.preludeBytes = preludeBytes
    trailerBytes = trailer.byteCount
    digest = Digest(trailer)
  }

  /// Takes the next bytes of the body.
  mutating func update(_ bytes: UnsafeRawBufferPointer) throws(EntryDamage) {
    var index = 0
    while index < bytes.count {
      guard section != .end else { throw EntryDamage("bytes behind the flush-pkt") }
      let start = index
      if openBytes > 0 {
        index = min(index + openBytes, bytes.count)
        openBytes -= index - start
        try read(UnsafeRawBufferPointer(rebasing: bytes[start..<index]))
      } else {
        digits = digits << 8 | UInt32(bytes[index])
        digitCount += 1
        index += 1
        if digitCount == PktLine.prefixBytes { try open(at: bytesRead + 1 - PktLine.prefixBytes) }
      }
      bytesRead += index - start
    }
  }

  /// Tells whether the bytes so far are a whole body.
  consuming func finish() throws(EntryDamage) {
    guard section == .end else { throw EntryDamage("no flush-pkt at the end") }
    guard packBytes >= Self.headerBytes + trailerBytes, packHead == Self.magic else { throw EntryDamage("not a pack") }
    let trailer = tail
    guard digest.finish() == trailer else { throw EntryDamage("the pack does not match its trailer") }
  }

  /// Begins the packet whose prefix has come, the first byte of which stands at `start`.
  private mutating func open(at start: Int) throws(EntryDamage) {
    digitCount = 0
    if section == .prelude, start >= preludeBytes {
      // With `sideband-all` the line is in band 1.
      let text = line.first == Sideband.data.rawValue ? line.dropFirst() : line[...]
      guard start == preludeBytes, text.elementsEqual("packfile\n".utf8) || text.elementsEqual("packfile".utf8) else {
        throw EntryDamage("the prelude does not end in the line `packfile`")
      }
      section = .pack
    }
    guard let prefix = try? PktLine.decodePrefix(digits) else { throw EntryDamage("not pkt-line") }
    switch (section, prefix) {
    case (.prelude, .data(let count)):
      openBytes = count
      line = []
    case (.prelude, .delimiter): line = []
    case (.pack, .data(let count)) where count > 0:
      openBytes = count
      awaitsBand = true
    case (.pack, .flush): section = .end
    default: throw EntryDamage("a packet that has no place in a fetch")
    }
  }

  private mutating func read(_ payload: UnsafeRawBufferPointer) throws(EntryDamage) {
    guard section == .pack else {
      // One byte more than the longest line that counts tells it from longer ones.
      line.append(contentsOf: payload.prefix(11 - line.count))
      return
    }
    var payload = payload
    if awaitsBand {
      guard payload[0] == Sideband.data.rawValue else { throw EntryDamage("a packet of band \(payload[0])") }
      awaitsBand = false
      payload = UnsafeRawBufferPointer(rebasing: payload.dropFirst())
    }
    packBytes += payload.count
    if packHead.count < Self.magic.count { packHead += payload.prefix(Self.magic.count - packHead.count) }
    hash(payload)
  }

  /// Adds pack bytes to the digest, all but the last ones.
  private mutating func hash(_ bytes: UnsafeRawBufferPointer) {
    let ready = tail.count + bytes.count - trailerBytes
    if ready > 0 {
      let count = min(ready, tail.count)
      tail.withUnsafeBytes { digest.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
      tail.removeFirst(count)
      digest.update(UnsafeRawBufferPointer(rebasing: bytes[..<(ready - count)]))
      tail += bytes[(ready - count)...]
    } else {
      tail += bytes
    }
  }
}
