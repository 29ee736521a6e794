/// A bare git repository on disk, as `gitrepository-layout(5)` describes it. Made without running git: six small files
/// and folders that can be synced one by one.
enum BareRepository {
  /// Makes an empty repository whose HEAD names `branch`. `path` must not exist.
  static func make(at path: String, branch: String) throws(StoreError) {
    for folder in ["", "/objects", "/objects/info", "/objects/pack", "/refs", "/refs/heads", "/refs/tags"] {
      try DurableFile.makeFolder(path + folder)
    }
    try DurableFile.write(path + "/HEAD", Array("ref: refs/heads/\(branch)\n".utf8))
    try DurableFile.write(
      path + "/config", Array("[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n".utf8))
    for folder in ["/objects", "/refs", ""] { try DurableFile.syncFolder(path + folder) }
  }

  /// Removes what a killed git leaves behind: quarantined packs, packs without an index, half-written objects, and lock files, which would
  /// refuse every later push to their ref. Call only while no git runs on the repository.
  static func sweep(_ path: String) {
    for name in DurableFile.names(in: path + "/objects") where name.hasPrefix("tmp_") || name.hasPrefix("incoming-") {
      DurableFile.remove("\(path)/objects/\(name)")
    }
    let packs = DurableFile.names(in: path + "/objects/pack")
    let indexes = Set(packs.filter { $0.hasSuffix(".idx") }.map { $0.dropLast(4) })
    // A pack without an index is not seen by git: its index was to come last, or went first.
    for name in packs
    where name.hasPrefix("tmp_") || name.hasPrefix(".tmp")
      || (name.hasPrefix("pack-") && !indexes.contains(name.prefix { $0 != "." }))
    {
      DurableFile.remove("\(path)/objects/pack/\(name)")
    }
    for name in DurableFile.names(in: path) where name.hasSuffix(".lock") { DurableFile.remove("\(path)/\(name)") }
    sweepLocks(path + "/refs", depth: 0)
  }

  /// The longest ref that git makes has far fewer levels than the bound here.
  private static func sweepLocks(_ folder: String, depth: Int) {
    guard depth < 64 else { return }
    for name in DurableFile.names(in: folder) {
      if name.hasSuffix(".lock") {
        DurableFile.remove("\(folder)/\(name)")
      } else {
        sweepLocks("\(folder)/\(name)", depth: depth + 1)
      }
    }
  }
}
