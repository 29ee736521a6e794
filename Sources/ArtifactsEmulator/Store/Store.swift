/// The Artifacts data on local disk: namespaces, repos and their git tokens, with an index in memory.
///
/// What a method returned is on disk and outlives `kill -9` and a power cut. An actor on the default executor, since its
/// methods wait for the disk; never call it with a loop's executor.
package actor Store {
  struct Namespace {
    var record: NamespaceRecord
    /// By name.
    private(set) var repos: [String: Repo] = [:]
    /// The same in the orders of lists.
    private(set) var order = RepoOrder()

    init(record: NamespaceRecord, repos: [Repo] = []) {
      self.record = record
      for repo in repos { self.repos[repo.record.name] = repo }
      order.fill(repos.map(\.record))
    }

    mutating func add(_ repo: Repo) {
      repos[repo.record.name] = repo
      order.insert(repo.record)
    }

    mutating func remove(_ name: String) {
      guard let repo = repos.removeValue(forKey: name) else { return }
      order.remove(repo.record)
    }

    /// Changes what a repo has, not what it is.
    mutating func change(_ name: String, _ body: (inout Repo) -> Void) {
      guard let index = repos.index(forKey: name) else { return }
      body(&repos.values[index])
    }
  }

  struct Repo {
    let record: RepoRecord
    /// In order of creation.
    var tokens: [TokenRecord] = []
    /// How many lines the journal of tokens has.
    var journalLines = 0
    var status = RepoStatus.ready
    /// Nothing of an earlier process is left in the repository.
    var isSwept = false
  }

  /// Where a token or its secret is found.
  struct TokenPlace {
    let namespace: String
    let repo: String
    let id: String
  }

  let directory: DataDirectory
  let clock: @Sendable () -> Timestamp
  var namespaces: [String: Namespace] = [:]
  var placesByID: [String: TokenPlace] = [:]
  var placesBySecret: [String: TokenPlace] = [:]
  private var lastCreation = Timestamp(milliseconds: 0)

  /// How many deleted names a namespace remembers.
  private static let departedLimit = 1000

  /// Opens the folder, or makes it, sweeps what a crash left and reads the index.
  /// - Parameter clock: the wall clock, by which tokens expire.
  /// Throws `.inUse` when another instance holds the folder, `.damaged` when a file is not what it must be.
  package init(path: String, clock: @escaping @Sendable () -> Timestamp = Timestamp.now) throws(StoreError) {
    self.clock = clock
    directory = try DataDirectory(path)
    let index = try Index(reading: directory, at: clock())
    namespaces = index.namespaces
    placesByID = index.placesByID
    placesBySecret = index.placesBySecret
    lastCreation = index.lastCreation
  }

  /// A creation time that no other object of this store has, even when two are made in one millisecond.
  func nextCreation() -> Timestamp {
    lastCreation = max(clock(), Timestamp(milliseconds: lastCreation.milliseconds + 1))
    return lastCreation
  }

  /// The wall clock of this store.
  package func now() -> Timestamp { clock() }

  /// Gives the folder free for another store. Nothing may be asked of this one any more.
  package nonisolated func close() { directory.unlock() }

  // MARK: Namespaces

  /// A namespace with how many repos it has. Throws `.namespaceNotFound`.
  package func namespace(_ name: String) throws(StoreError) -> (record: NamespaceRecord, repoCount: Int) {
    guard let found = namespaces[name] else { throw .namespaceNotFound }
    return (found.record, found.repos.count)
  }

  /// Every namespace, oldest first.
  package func allNamespaces() -> [(record: NamespaceRecord, repoCount: Int)] {
    namespaces.values.map { ($0.record, $0.repos.count) }.sorted { $0.0.createdAt < $1.0.createdAt }
  }

  /// Makes a namespace. The name must have been checked. Throws `.namespaceExists`.
  package func createNamespace(_ name: String, jurisdiction: Jurisdiction) throws(StoreError) -> NamespaceRecord {
    guard namespaces[name] == nil else { throw .namespaceExists }
    let created = nextCreation()
    let record = NamespaceRecord(name: name, jurisdiction: jurisdiction, createdAt: created, updatedAt: created)
    let folder = directory.folder(of: name)
    let scratch = DataDirectory.hidden(folder)
    do throws(StoreError) {
      try DurableFile.makeFolder(scratch)
      try DurableFile.makeFolder(scratch + "/repos")
      try DurableFile.write(scratch + "/namespace.json", Index.encode(record))
      try DurableFile.syncFolder(scratch)
      try DurableFile.move(scratch, to: folder)
    } catch {
      DurableFile.remove(scratch)
      throw error
    }
    namespaces[name] = Namespace(record: record)
    return record
  }

  /// Removes a namespace with all that is in it. Throws `.namespaceNotFound`.
  package func deleteNamespace(_ name: String) throws(StoreError) {
    guard let found = namespaces[name] else { throw .namespaceNotFound }
    let folder = directory.folder(of: name)
    let gone = DataDirectory.hidden(folder)
    try DurableFile.move(folder, to: gone)
    namespaces[name] = nil
    for repo in found.repos.values { forgetTokens(of: repo) }
    removeLater(gone)
  }

  // MARK: Repos

  /// What a new repo is asked to be. Names must have been checked.
  package struct NewRepo: Sendable {
    package var name: String
    package var description: String?
    package var defaultBranch: String
    package var readOnly: Bool

    package init(name: String, description: String? = nil, defaultBranch: String = "main", readOnly: Bool = false) {
      self.name = name
      self.description = description
      self.defaultBranch = defaultBranch
      self.readOnly = readOnly
    }
  }

  /// Makes an empty repo, its namespace if need be, and its first token (write, one day). Throws `.repoExists`.
  package func createRepo(_ new: NewRepo, in namespace: String) throws(StoreError) -> (RepoRecord, TokenRecord) {
    let growing = try begin(new, in: namespace, source: nil, as: .ready)
    try finish(growing)
    return (growing.record, growing.token)
  }

  /// Throws `.repoNotFound`, `.notReady`.
  package func repo(_ name: String, in namespace: String) throws(StoreError) -> RepoRecord {
    let repo = try readyRepo(name, in: namespace)
    sweepOnce(repo)
    return repo.record
  }

  /// Removes what a git that was killed with an earlier process has left. Whoever lets git loose on a repository has asked
  /// the store for it before; a start with very many repos would take long to look at all of them.
  func sweepOnce(_ repo: Repo) {
    guard !repo.isSwept else { return }
    BareRepository.sweep(directory.git(of: repo.record))
    namespaces[repo.record.namespace]?.change(repo.record.name) { $0.isSwept = true }
  }

  func readyRepo(_ name: String, in namespace: String) throws(StoreError) -> Repo {
    guard let found = namespaces[namespace]?.repos[name] else { throw .repoNotFound }
    guard found.status == .ready else { throw .notReady(found.status) }
    return found
  }

  /// The bare repository of a repo.
  package nonisolated func gitDirectory(of repo: RepoRecord) -> String { directory.git(of: repo) }

  /// The ref that a repo's HEAD names, `refs/heads/<branch>`, whether or not there is such a branch yet.
  package func headTarget(of repo: RepoRecord) -> String? {
    guard let bytes = try? DurableFile.read(directory.git(of: repo) + "/HEAD") else { return nil }
    let line = String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
    return line.hasPrefix("ref: ") ? String(line.dropFirst(5)) : nil
  }

  /// Removes a repo and its tokens and returns its id; a name that was deleted before gives the id that it had.
  /// Throws `.repoNotFound`, `.notReady`.
  package func deleteRepo(_ name: String, in namespace: String) throws(StoreError) -> String {
    guard let home = namespaces[namespace] else { throw .repoNotFound }
    guard let found = home.repos[name] else {
      guard let departed = home.record.departed.last(where: { $0.name == name }) else { throw .repoNotFound }
      return departed.id
    }
    guard found.status == .ready else { throw .notReady(found.status) }
    // The name is noted first: after a crash in between the repo still lives, and a live repo outranks the note.
    var record = home.record
    record.departed.removeAll { $0.name == name }
    record.departed.append(NamespaceRecord.Departed(name: name, id: found.record.id))
    record.departed.removeFirst(max(0, record.departed.count - Self.departedLimit))
    try DurableFile.replace(directory.record(of: namespace), with: Index.encode(record))
    let folder = directory.folder(of: found.record)
    let gone = DataDirectory.hidden(folder)
    try DurableFile.move(folder, to: gone)
    namespaces[namespace]?.record = record
    namespaces[namespace]?.remove(name)
    forgetTokens(of: found)
    removeLater(gone)
    return found.record.id
  }

  /// A big tree takes a while to remove, and nobody can see it any more. What a crash keeps is swept at the next start.
  nonisolated func removeLater(_ path: String) {
    Task.detached(priority: .background) { DurableFile.remove(path) }
  }
}
