import EventLoop

/// What stands behind the body of an entry, so that a file can be written before its sizes are known:
///
///     body        the answer as it goes to clients: prelude, band-1 packets, flush-pkt
///     metadata    this, and the wants
///     footer      48 bytes: SHA-256 of the metadata (32), its length (4), the format's version (4), `AGWPACK\n` (8)
///
/// All numbers are big-endian. The lengths must add up to that of the file, so no byte of it can change unseen.
struct EntryMetadata: Sendable {
  static let formatVersion: UInt32 = 1
  static let footerBytes = 48
  /// Most object ids that an entry names.
  static let maxWants = 16_384
  /// Longest metadata, in bytes: the wants as SHA-256 ids take 1.1 MiB.
  private static let maxBytes = 2 << 20
  private static let magic = Array("AGWPACK\n".utf8)

  let key: PackKey
  let scope: PackScope
  /// Seconds since 1970.
  let createdAt: Double
  let bodyBytes: Int
  /// Bytes of the body in front of the first band-1 packet.
  let preludeBytes: Int
  /// Bytes of the pack that the band-1 packets carry.
  let packBytes: Int
  /// SHA-256 of the body.
  let bodyDigest: [UInt8]

  /// The bytes behind the body, footer included.
  func encoded(wants: [String]) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(key.bytes)
    for text in [scope.account, scope.namespace, scope.repo, scope.repoID] { writer.append(text) }
    writer.append(createdAt.bitPattern)
    for number in [bodyBytes, preludeBytes, packBytes] { writer.append(UInt64(number)) }
    writer.append(bodyDigest)
    writer.append(UInt64(wants.count))
    for want in wants { writer.append(want) }
    let length = writer.bytes.count
    writer.append(raw: Self.digest(writer.bytes))
    writer.append(UInt64(length) << 32 | UInt64(Self.formatVersion))
    writer.append(raw: Self.magic)
    return writer.bytes
  }

  /// Reads the end of an entry of `size` bytes. The body is not looked at.
  static func read(from file: EntryFile, size: Int) throws(EntryDamage) -> (metadata: EntryMetadata, wants: [String]) {
    guard size > footerBytes else { throw EntryDamage("too short") }
    let footer = try file.bytes(at: size - footerBytes, count: footerBytes)
    var numbers = ByteReader(footer[32..<40])
    guard let both = numbers.number(), footer[40...].elementsEqual(magic) else { throw EntryDamage("no footer") }
    guard UInt32(truncatingIfNeeded: both) == formatVersion else { throw EntryDamage("of another format") }
    let length = Int(both >> 32)
    guard length <= min(maxBytes, size - footerBytes) else { throw EntryDamage("metadata of \(length) bytes") }
    let bytes = try file.bytes(at: size - footerBytes - length, count: length)
    guard digest(bytes).elementsEqual(footer[..<32]) else { throw EntryDamage("metadata do not match their checksum") }
    guard let content = decode(bytes), content.metadata.bodyBytes == size - footerBytes - length else {
      throw EntryDamage("metadata make no sense")
    }
    return content
  }

  private static func decode(_ bytes: [UInt8]) -> (metadata: EntryMetadata, wants: [String])? {
    var reader = ByteReader(bytes[...])
    guard let key = reader.string().flatMap({ PackKey($0) }),
      let account = reader.text(), let namespace = reader.text(), let repo = reader.text(), let repoID = reader.text(),
      let createdAt = reader.number(),
      let bodyBytes = reader.count(), let preludeBytes = reader.count(), let packBytes = reader.count(),
      preludeBytes <= bodyBytes, packBytes <= bodyBytes,
      let bodyDigest = reader.string(), let wantCount = reader.count(), wantCount <= maxWants
    else { return nil }
    var wants: [String] = []
    for _ in 0..<wantCount {
      guard let want = reader.text() else { return nil }
      wants.append(want)
    }
    guard reader.isAtEnd else { return nil }
    let metadata = EntryMetadata(
      key: key, scope: PackScope(account: account, namespace: namespace, repo: repo, repoID: repoID),
      createdAt: Double(bitPattern: createdAt), bodyBytes: bodyBytes, preludeBytes: preludeBytes, packBytes: packBytes,
      bodyDigest: bodyDigest)
    return (metadata, wants)
  }

  private static func digest(_ bytes: [UInt8]) -> [UInt8] {
    var digest = Digest(.sha256)
    bytes.withUnsafeBytes { digest.update($0) }
    return digest.finish()
  }
}
