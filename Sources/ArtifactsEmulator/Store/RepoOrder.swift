/// The repos of one namespace in the orders in which they are listed, kept as repos come and go, so that no list sorts.
///
/// Two references to a name and eight bytes a repo. Coming and going moves what stands behind, a block of memory, and finds
/// its place by halving.
struct RepoOrder {
  /// What a list is sorted by. Nothing changes a repo, and pushes were seen to leave no trace in its times: the order of
  /// creation is also that of the last change and of the last push.
  enum Key { case name, creation }

  private struct Creation {
    let time: Timestamp
    let name: String
  }

  private var names: [String] = []
  private var creations: [Creation] = []

  var count: Int { names.count }

  mutating func insert(_ repo: RepoRecord) {
    names.insert(repo.name, at: Self.place(in: names) { $0 < repo.name })
    creations.insert(
      Creation(time: repo.createdAt, name: repo.name), at: Self.place(in: creations) { $0.time < repo.createdAt })
  }

  mutating func remove(_ repo: RepoRecord) {
    let name = Self.place(in: names) { $0 < repo.name }
    if name < names.count, names[name] == repo.name { names.remove(at: name) }
    let creation = Self.place(in: creations) { $0.time < repo.createdAt }
    if creation < creations.count, creations[creation].time == repo.createdAt { creations.remove(at: creation) }
  }

  /// Puts many repos in order at once, for the start.
  mutating func fill(_ repos: some Sequence<RepoRecord>) {
    creations = repos.map { Creation(time: $0.createdAt, name: $0.name) }.sorted { $0.time < $1.time }
    names = creations.map(\.name).sorted()
  }

  /// Which places a walk still has before it.
  /// - Parameter after: where the walk stands, in the direction in which it goes; nil at its beginning.
  func places(_ key: Key, ascending: Bool, after: Cursor.Place?) -> Range<Int> {
    guard let after else { return 0..<count }
    let bound =
      switch (key, ascending) {
      case (.name, true): Self.place(in: names) { $0 <= after.key }
      case (.name, false): Self.place(in: names) { $0 < after.key }
      case (.creation, true): Self.place(in: creations) { $0.time.milliseconds <= after.createdAt }
      case (.creation, false): Self.place(in: creations) { $0.time.milliseconds < after.createdAt }
      }
    return ascending ? bound..<count : 0..<bound
  }

  /// The name at a place, counted in ascending order.
  func name(_ key: Key, at place: Int) -> String { key == .name ? names[place] : creations[place].name }

  /// The first place whose item does not stand before what is looked for.
  private static func place<Item>(in items: [Item], _ isBefore: (Item) -> Bool) -> Int {
    var (low, high) = (0, items.count)
    while low < high {
      let middle = low + (high - low) / 2
      if isBefore(items[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
