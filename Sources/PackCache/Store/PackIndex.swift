/// What a store knows of its directory, in memory. The directory is the truth; this saves looking twice.
struct PackIndex {
  struct Entry {
    var status: FileStatus
    /// Seconds since 1970; more exact than the file's own time.
    var usedAt: Double
    /// Set once the whole file with this fingerprint was found to be good.
    var metadata: EntryMetadata?
  }

  /// One that is writing.
  struct Writer {
    let scope: PackScope
    var isPurged = false
  }

  private(set) var entries: [PackKey: Entry] = [:]
  /// Bytes on the disk of all entries.
  private(set) var allocatedBytes = 0
  var writers: [UInt64: Writer] = [:]
  /// How many bad entries were found.
  var damagedCount = 0
  var awaitsReclaim = false
  private var nextWriter: UInt64 = 0
  /// What was added since the directory was last listed.
  private var news = (entries: 0, bytes: 0)

  mutating func addWriter(_ scope: PackScope) -> UInt64 {
    nextWriter += 1
    writers[nextWriter] = Writer(scope: scope)
    return nextWriter
  }

  /// The metadata of an entry that was verified and has not changed since; it counts as used.
  mutating func use(_ key: PackKey, _ status: FileStatus, at time: Double) -> EntryMetadata? {
    guard let entry = entries[key], entry.status.fingerprint == status.fingerprint, let metadata = entry.metadata
    else { return nil }
    entries[key]?.usedAt = time
    return metadata
  }

  mutating func insert(_ key: PackKey, _ entry: Entry) {
    remove(key)
    entries[key] = entry
    allocatedBytes += entry.status.allocatedBytes
    news.entries += 1
    news.bytes += entry.status.allocatedBytes
  }

  /// Whether the directory is to be listed. Listing costs microseconds for each entry, so not at every commit; what others
  /// have added stays unknown until then, which is why little may be added in between.
  func isListingDue(limit: Int) -> Bool {
    allocatedBytes > limit || news.bytes >= limit / 64 || news.entries >= 1024
  }

  mutating func remove(_ key: PackKey) {
    guard let old = entries.removeValue(forKey: key) else { return }
    allocatedBytes -= old.status.allocatedBytes
  }

  /// Takes over what the directory holds; what is known of unchanged files stays known.
  mutating func adopt(_ listing: PackDirectory.Listing) {
    let old = entries
    entries.removeAll(keepingCapacity: true)
    allocatedBytes = 0
    for (key, status) in listing.entries {
      var entry = Entry(status: status, usedAt: status.usedAt)
      if let known = old[key], known.status.fingerprint == status.fingerprint {
        entry.metadata = known.metadata
        entry.usedAt = max(entry.usedAt, known.usedAt)
      }
      insert(key, entry)
    }
    news = (0, 0)
  }

  /// All entries, the one that was used longest ago first.
  var byUse: [(key: PackKey, entry: Entry)] {
    entries.map { ($0.key, $0.value) }.sorted { ($0.1.usedAt, $0.0) < ($1.1.usedAt, $1.0) }
  }
}
