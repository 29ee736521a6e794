package import EventLoop

/// An entry of the store, open for reading. It stays readable for as long as this object lives, whatever becomes of its
/// name meanwhile.
package final class StoredPack: Sendable {
  package let key: PackKey
  package let scope: PackScope
  /// Bytes of the body, which begins at offset 0 of the file. Nothing behind them is for clients.
  package let bodyBytes: Int
  /// Bytes of the body in front of the first band-1 packet: its last line is `packfile`.
  package let preludeBytes: Int
  /// Bytes of the pack that the band-1 packets carry.
  package let packBytes: Int
  /// Seconds since 1970.
  package let createdAt: Double
  package let file: EntryFile

  init(_ file: EntryFile, _ metadata: EntryMetadata) {
    key = metadata.key
    scope = metadata.scope
    bodyBytes = metadata.bodyBytes
    preludeBytes = metadata.preludeBytes
    packBytes = metadata.packBytes
    createdAt = metadata.createdAt
    self.file = file
  }

  /// The object ids that the fetch wanted, read from the file at each use: up to 1.1 MiB.
  package var wants: [String] {
    get throws(PackStoreError) {
      guard let size = try? file.status().size else { throw .damaged(EntryDamage("cannot be read")) }
      do throws(EntryDamage) {
        return try EntryMetadata.read(from: file, size: size).wants
      } catch {
        throw .damaged(error)
      }
    }
  }

  /// Reads body bytes from `offset` on: as many as `buffer` holds, fewer only at the end of the body.
  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
    try file.read(at: offset, into: buffer, end: bodyBytes)
  }
}
