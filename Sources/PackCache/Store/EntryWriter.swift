package import EventLoop
import Synchronization

/// An entry being written: one appends, others may read what there is.
///
/// The file has no name that anybody could find until it is committed. A writer that is let go without that leaves
/// nothing behind; what was written stays readable for as long as the writer lives.
package final class EntryWriter: Sendable {
  /// Lent to `Channel.sendFile`. During a commit metadata follow the body: mind `bytesWritten`.
  package let file: EntryFile
  package let scope: PackScope

  let name: String
  /// What the store knows this writer by.
  let number: UInt64
  private let store: PackStore
  private let written = Atomic(0)
  private let hasEnded = Atomic(false)

  /// So many bytes more, and the store looks whether there is room.
  private static let growthStep = 32 << 20

  init(_ file: EntryFile, name: String, number: UInt64, scope: PackScope, store: PackStore) {
    self.file = file
    self.name = name
    self.number = number
    self.scope = scope
    self.store = store
  }

  deinit { discard() }

  /// How much of the body there is to read.
  package var bytesWritten: Int { written.load(ordering: .acquiring) }

  /// Adds bytes to the body, all of them: into the page cache, as a rule. One caller at a time.
  ///
  /// Throws `.system` (a full disk among others), after which the writer is of no more use, and `.ended`.
  package func append(_ bytes: UnsafeRawBufferPointer) throws(PackStoreError) {
    guard !hasEnded.load(ordering: .acquiring) else { throw .ended }
    let offset = bytesWritten
    do throws(SystemError) { try file.write(bytes, at: offset) } catch { throw store.writingFailed(error) }
    written.store(offset + bytes.count, ordering: .releasing)
    if offset / Self.growthStep != (offset + bytes.count) / Self.growthStep { store.reclaimSoon() }
  }

  /// Reads body bytes from `offset` on: as many as `buffer` holds, fewer when no more were written.
  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
    try file.read(at: offset, into: buffer, end: bytesWritten)
  }

  /// Makes an entry of what was written, once the whole of it was read again and found good. All bytes must have been
  /// appended; the writer has ended whatever comes of it.
  ///
  /// Nothing is synced: a file that a power cut tears is found when it is first used.
  ///
  /// - Parameters:
  ///   - wants: the object ids that the fetch wanted, at most 16,384.
  ///   - preludeBytes: the length of the body up to and with the line `packfile`.
  ///   - trailer: the checksum at the end of the pack, after the repository's object format.
  /// - Throws: `.tooLarge`, `.tooManyWants`, `.damaged`, `.purged`, `.system`, `.ended`.
  package func commit(
    key: PackKey, wants: [String], preludeBytes: Int, trailer: Digest.Algorithm
  ) async throws(PackStoreError) -> StoredPack {
    guard !hasEnded.exchange(true, ordering: .acquiringAndReleasing) else { throw .ended }
    return try await store.onQueue {
      Result { () throws(PackStoreError) in
        try self.store.commit(self, key: key, wants: wants, preludeBytes: preludeBytes, trailer: trailer)
      }
    }.get()
  }

  /// Gives the entry up.
  package func discard() {
    if !hasEnded.exchange(true, ordering: .acquiringAndReleasing) { store.end(self) }
  }
}

extension EntryFile {
  /// Reads as `read(at:into:)` does, but nothing from `end` on.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer, end: Int) throws(SystemError) -> Int {
    let count = min(buffer.count, end - offset)
    guard count > 0 else { return 0 }
    return try read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
  }
}
