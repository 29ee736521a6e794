/// A repo that is being filled: its name is taken and its folder hidden, so that a crash leaves nothing but a leftover.
struct GrowingRepo: Sendable {
  let record: RepoRecord
  /// The token that comes with the repo.
  let token: TokenRecord
  /// The hidden folder.
  let folder: String

  var gitDirectory: String { folder + "/git" }
}

extension Store {
  /// Takes a name, making its namespace if need be, and makes the hidden folder of an empty repo. Must be followed by
  /// `finish` or `abandon`. Throws `.repoExists`.
  /// - Parameter status: what lists tell until then; nobody can see `.ready`.
  func begin(_ new: NewRepo, in namespace: String, source: String?, as status: RepoStatus) throws(StoreError)
    -> GrowingRepo
  {
    if namespaces[namespace] == nil { _ = try createNamespace(namespace, jurisdiction: .unrestricted) }
    guard let home = namespaces[namespace] else { throw .namespaceNotFound }
    guard home.repos[new.name] == nil else { throw .repoExists(name: new.name) }
    let created = nextCreation()
    let record = RepoRecord(
      id: Identifier.fresh(), namespace: namespace, name: new.name, description: new.description,
      defaultBranch: new.defaultBranch, readOnly: new.readOnly, source: source, createdAt: created, updatedAt: created)
    let growing = GrowingRepo(
      record: record, token: freshToken(.write, lifetimeSeconds: Self.defaultTokenLifetime, in: home.record),
      folder: DataDirectory.hidden(directory.folder(of: record)))
    do throws(StoreError) {
      try DurableFile.makeFolder(growing.folder)
      try BareRepository.make(at: growing.gitDirectory, branch: record.defaultBranch)
      try DurableFile.write(
        growing.folder + "/tokens.jsonl", TokenJournal.line(growing.token), mode: TokenJournal.mode)
      try DurableFile.write(growing.folder + "/repo.json", Index.encode(record))
      try DurableFile.syncFolder(growing.folder)
    } catch {
      DurableFile.remove(growing.folder)
      throw error
    }
    namespaces[namespace]?.add(
      Repo(record: record, tokens: [growing.token], journalLines: 1, status: status, isSwept: true))
    return growing
  }

  /// Where a repo is in its making; nil when there is none.
  func status(of name: String, in namespace: String) -> RepoStatus? { namespaces[namespace]?.repos[name]?.status }

  /// Shows the repo. What was put into its folder must be synced. Throws, and forgets it, when its namespace is gone.
  func finish(_ growing: GrowingRepo) throws(StoreError) {
    let record = growing.record
    guard namespaces[record.namespace]?.repos[record.name]?.record.id == record.id else {
      removeLater(growing.folder)
      throw .namespaceNotFound
    }
    do throws(StoreError) {
      try DurableFile.move(growing.folder, to: directory.folder(of: record))
    } catch {
      abandon(growing)
      throw error
    }
    namespaces[record.namespace]?.change(record.name) { $0.status = .ready }
    remember(growing.token, of: record)
  }

  /// Gives the name free and removes what there is.
  func abandon(_ growing: GrowingRepo) {
    let record = growing.record
    if namespaces[record.namespace]?.repos[record.name]?.record.id == record.id {
      namespaces[record.namespace]?.remove(record.name)
    }
    removeLater(growing.folder)
  }
}
