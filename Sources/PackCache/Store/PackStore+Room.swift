import EventLoop
import Synchronization

/// What keeps the directory in order; all of it runs on the queue.
extension PackStore {
  /// Entries are removed until this part of the limit is left.
  private static let lowWater = 0.9
  /// Most entries, so that the index has a bound: some 30 MiB.
  private static let maxEntries = 65_536

  /// Puts in order what earlier processes left: files of dead writers go, and entries without a readable end. Their
  /// bodies are read when they are first used.
  func recover() {
    guard let listing = listing() else { return }
    for (key, status) in listing.entries { _ = metadata(key, status) }
    reclaim()
  }

  /// Brings the directory below its limit, and the file system out of need, by removing what was used longest ago.
  func reclaim() {
    guard let listing = listing() else { return }
    let (entries, total) = index.withLock { index in
      index.adopt(listing)
      return (index.entries.count, index.allocatedBytes + listing.unfinishedBytes)
    }
    var excess = 0
    if total > limit { excess = total - Int(Double(limit) * Self.lowWater) }
    // What is open elsewhere gives its room back later, so free space is asked for once, not after each file.
    excess = max(excess, directory.lackingBytes(freeSpace))
    var excessCount = 0
    if entries > Self.maxEntries { excessCount = entries - Int(Double(Self.maxEntries) * Self.lowWater) }
    guard excess > 0 || excessCount > 0 else { return }
    for (key, entry) in index.withLock({ $0.byUse }) {
      guard excess > 0 || excessCount > 0, remove(key) else { return }
      excess -= entry.status.allocatedBytes
      excessCount -= 1
    }
  }

  /// Forgets what belongs to the scopes: entries of all processes, and what this process is writing, which can no
  /// more be committed. Nothing that was begun before the call is found after it.
  package func purge(
    where isPurged: @escaping @Sendable (PackScope) -> Bool
  ) async -> (entries: Int, bytes: Int) {
    await onQueue { self.purged(where: isPurged) }
  }

  private func purged(where isPurged: (PackScope) -> Bool) -> (entries: Int, bytes: Int) {
    let writers = index.withLock { $0.writers }
    let hit = writers.filter { isPurged($0.value.scope) }.keys
    index.withLock { index in
      for number in hit { index.writers[number]?.isPurged = true }
    }
    guard let listing = listing() else { return (0, 0) }
    index.withLock { $0.adopt(listing) }
    var (count, bytes) = (0, 0)
    for (key, status) in listing.entries {
      // What cannot be read cannot be told from what is to go.
      if let metadata = metadata(key, status), !isPurged(metadata.scope) { continue }
      guard remove(key) else { continue }
      count += 1
      bytes += status.allocatedBytes
    }
    return (count, bytes)
  }

  private func listing() -> PackDirectory.Listing? {
    do throws(PackStoreError) {
      let listing = try directory.list()
      trouble.isWell(.directory)
      return listing
    } catch {
      trouble.report(.directory, "\(error)")
      return nil
    }
  }

  /// The metadata of an entry, verified or not; nil when it is bad, and removed, or gone.
  private func metadata(_ key: PackKey, _ status: FileStatus) -> EntryMetadata? {
    if let entry = index.withLock({ $0.entries[key] }), entry.status.fingerprint == status.fingerprint,
      let metadata = entry.metadata
    {
      return metadata
    }
    guard let file = try? directory.open(key) else { return nil }
    do throws(EntryDamage) {
      let metadata = try EntryMetadata.read(from: file, size: status.size).metadata
      guard metadata.key == key else { throw EntryDamage("an entry of another key") }
      return metadata
    } catch {
      drop(key, status, error)
      return nil
    }
  }

  private func remove(_ key: PackKey) -> Bool {
    do throws(SystemError) {
      try directory.remove(key)
      index.withLock { $0.remove(key) }
      return true
    } catch {
      trouble.report(.directory, "\(directory.path): \(error)")
      return false
    }
  }
}
