@preconcurrency import Dispatch
import EventLoop
import Synchronization

/// Packs on disk: one file for each key, found by name, handed out as open files.
///
/// Anything may happen to the directory, other processes with stores of their own included: an entry is handed out only
/// if this process has read all of it, compared it with its checksums, and its file has not changed since. What takes
/// long is done on a queue of the store's own; what runs on the caller's thread is a handful of short system calls.
package final class PackStore: Sendable {
  package struct Statistics: Sendable {
    package let entries: Int
    /// Bytes on the disk.
    package let bytes: Int
    /// Entries that were found bad, and removed, since the start.
    package let damaged: Int
  }

  /// Most bytes on the disk, all files of all processes in the directory together.
  package let limit: Int
  let directory: PackDirectory
  let freeSpace: FreeSpaceGuard
  let clock: @Sendable () -> Double
  let trouble: TroubleReport
  let index = Mutex(PackIndex())
  private let queue = DispatchQueue(label: "pack-store", qos: .utility)

  /// The time of the last use is written to the file when the one there is older, in seconds. After a restart the order
  /// of use is as exact as this.
  private static let touchInterval = 60.0

  /// Opens the directory, and makes it if there is none. What earlier processes left is put in order in the background.
  ///
  /// - Parameters:
  ///   - limit: bytes; above, entries are removed until a tenth of it is free.
  ///   - clock: seconds since 1970.
  ///   - onTrouble: is told what goes wrong, once for each kind until it is well again; called on any thread.
  /// - Throws: `.system`; `.notPrivate` when the directory is somebody else's, or others may write in it.
  package init(
    directory path: String, limit: Int, freeSpace: FreeSpaceGuard = FreeSpaceGuard(),
    clock: @escaping @Sendable () -> Double = { WallClock.now }, onTrouble: @escaping @Sendable (String) -> Void
  ) throws(PackStoreError) {
    directory = try PackDirectory(path, queue: queue)
    self.limit = limit
    self.freeSpace = freeSpace
    self.clock = clock
    trouble = TroubleReport(onTrouble)
    queue.async { self.recover() }
  }

  /// Most bytes that the file of one entry may have.
  package var maxEntryBytes: Int { limit / 2 }

  package var statistics: Statistics {
    index.withLock { Statistics(entries: $0.entries.count, bytes: $0.allocatedBytes, damaged: $0.damagedCount) }
  }

  /// Returns when all that was begun before has been done.
  package func settle() async { await onQueue {} }

  // MARK: Reading

  /// The entry for `key`, whichever process has made it. Waits only when the file is new to this process or has changed:
  /// then all of it is read first, and a bad one is removed.
  package func find(_ key: PackKey) async -> StoredPack? {
    let file: EntryFile
    let status: FileStatus
    do throws(SystemError) {
      guard let opened = try directory.open(key) else { return nil }
      file = opened
      status = try file.status()
    } catch {
      trouble.report(.directory, "\(directory.path): \(error)")
      return nil
    }
    guard status.isOwn else { return nil }
    if let pack = known(key, file, status) { return pack }
    return await onQueue { self.verified(key, file, status) }
  }

  private func known(_ key: PackKey, _ file: EntryFile, _ status: FileStatus) -> StoredPack? {
    let time = clock()
    guard let metadata = index.withLock({ $0.use(key, status, at: time) }) else { return nil }
    if abs(time - status.usedAt) >= Self.touchInterval { queue.async { file.touch(time) } }
    return StoredPack(file, metadata)
  }

  private func verified(_ key: PackKey, _ file: EntryFile, _ status: FileStatus) -> StoredPack? {
    // Somebody who came before may have had it verified.
    if let pack = known(key, file, status) { return pack }
    do throws(EntryDamage) {
      let metadata = try EntryMetadata.read(from: file, size: status.size).metadata
      guard metadata.key == key else { throw EntryDamage("an entry of another key") }
      guard try file.digest(count: metadata.bodyBytes) == metadata.bodyDigest else {
        throw EntryDamage("the body does not match its checksum")
      }
      let time = clock()
      index.withLock { $0.insert(key, PackIndex.Entry(status: status, usedAt: time, metadata: metadata)) }
      file.touch(time)
      return StoredPack(file, metadata)
    } catch {
      drop(key, status, error)
      return nil
    }
  }

  /// Removes a bad entry, unless it has been replaced meanwhile.
  func drop(_ key: PackKey, _ status: FileStatus, _ damage: EntryDamage) {
    guard directory.holds(status.fingerprint, as: key) else { return }
    index.withLock {
      $0.remove(key)
      $0.damagedCount += 1
    }
    trouble.report("\(directory.path)/\(PackDirectory.name(key)): a bad entry is removed: \(damage)")
    do throws(SystemError) { try directory.remove(key) } catch {
      trouble.report(.directory, "\(directory.path): \(error)")
    }
  }

  // MARK: Writing

  /// Begins an entry for a repository.
  ///
  /// Throws `.noSpace` while the file system is nearly full, `.system`, `.notPrivate`.
  package func makeEntry(scope: PackScope) throws(PackStoreError) -> EntryWriter {
    do throws(PackStoreError) {
      let (name, file) = try directory.makeUnfinished()
      trouble.isWell(.directory)
      guard freeSpace.lackingBytes(in: file.descriptor) == 0 else {
        directory.removeUnfinished(name)
        reclaimSoon()
        throw .noSpace
      }
      trouble.isWell(.space)
      let number = index.withLock { $0.addWriter(scope) }
      return EntryWriter(file, name: name, number: number, scope: scope, store: self)
    } catch {
      trouble.report(error == .noSpace ? .space : .directory, "\(error)")
      throw error
    }
  }

  func commit(
    _ writer: EntryWriter, key: PackKey, wants: [String], preludeBytes: Int, trailer: Digest.Algorithm
  ) throws(PackStoreError) -> StoredPack {
    do throws(PackStoreError) {
      let pack = try check(writer, key: key, wants: wants, preludeBytes: preludeBytes, trailer: trailer)
      index.withLock { _ = $0.writers.removeValue(forKey: writer.number) }
      trouble.isWell(.writing)
      if index.withLock({ $0.isListingDue(limit: limit) }) { reclaim() }
      return pack
    } catch {
      end(writer)
      throw error
    }
  }

  private func check(
    _ writer: EntryWriter, key: PackKey, wants: [String], preludeBytes: Int, trailer: Digest.Algorithm
  ) throws(PackStoreError) -> StoredPack {
    guard index.withLock({ $0.writers[writer.number]?.isPurged == false }) else { throw .purged }
    guard wants.count <= EntryMetadata.maxWants else { throw .tooManyWants(wants.count) }
    let bodyBytes = writer.bytesWritten
    guard bodyBytes <= maxEntryBytes else { throw .tooLarge(bytes: bodyBytes) }
    let metadata: EntryMetadata
    do throws(EntryDamage) {
      var check = PackBodyCheck(preludeBytes: preludeBytes, trailer: trailer)
      let digest = try writer.file.digest(count: bodyBytes) { block throws(EntryDamage) in try check.update(block) }
      metadata = EntryMetadata(
        key: key, scope: writer.scope, createdAt: clock(), bodyBytes: bodyBytes, preludeBytes: preludeBytes,
        packBytes: check.packBytes, bodyDigest: digest)
      try check.finish()
    } catch {
      throw .damaged(error)
    }
    let end = metadata.encoded(wants: wants)
    guard bodyBytes + end.count <= maxEntryBytes else { throw .tooLarge(bytes: bodyBytes + end.count) }
    let status: FileStatus
    do throws(SystemError) {
      try writer.file.write(end, at: bodyBytes)
      writer.file.touch(metadata.createdAt)
      status = try writer.file.status()
    } catch {
      throw writingFailed(error)
    }
    do throws(PackStoreError) {
      try directory.finish(writer.name, writer.file, as: key)
    } catch {
      trouble.report(.directory, "\(error)")
      throw error
    }
    index.withLock {
      $0.insert(key, PackIndex.Entry(status: status, usedAt: metadata.createdAt, metadata: metadata))
    }
    return StoredPack(writer.file, metadata)
  }

  func end(_ writer: EntryWriter) {
    directory.removeUnfinished(writer.name)
    index.withLock { _ = $0.writers.removeValue(forKey: writer.number) }
  }

  func writingFailed(_ error: SystemError) -> PackStoreError {
    trouble.report(.writing, "\(directory.path): \(error)")
    reclaimSoon()
    return .system(path: directory.path, error)
  }

  // MARK: The queue

  func onQueue<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in queue.async { continuation.resume(returning: work()) } }
  }

  /// Looks for room in the background; asked for many times it looks once.
  func reclaimSoon() {
    let isFirst = index.withLock { index in
      defer { index.awaitsReclaim = true }
      return !index.awaitsReclaim
    }
    guard isFirst else { return }
    queue.async {
      self.index.withLock { $0.awaitsReclaim = false }
      self.reclaim()
    }
  }
}
