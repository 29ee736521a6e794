import FoundationEssentials

/// What the files of a data directory say, read once at the start.
struct Index {
  private(set) var namespaces: [String: Store.Namespace] = [:]
  private(set) var placesByID: [String: Store.TokenPlace] = [:]
  private(set) var placesBySecret: [String: Store.TokenPlace] = [:]
  private(set) var lastCreation = Timestamp(milliseconds: 0)

  /// Sweeps what a crash left behind, then reads. Throws `.damaged` rather than start without a part of the data.
  init(reading directory: DataDirectory, at now: Timestamp) throws(StoreError) {
    for name in directory.sweptNamespaces() {
      let record: NamespaceRecord = try Self.decode(directory.record(of: name))
      guard record.name == name else {
        throw .damaged(path: directory.record(of: name), reason: "it is about the namespace \(record.name)")
      }
      lastCreation = max(lastCreation, record.createdAt)
      var repos: [Store.Repo] = []
      for id in directory.sweptRepos(in: name) { repos.append(try read(id, of: name, directory, now)) }
      namespaces[name] = Store.Namespace(record: record, repos: repos)
    }
  }

  private mutating func read(_ id: String, of namespace: String, _ directory: DataDirectory, _ now: Timestamp)
    throws(StoreError) -> Store.Repo
  {
    let path = "\(directory.repos(in: namespace))/\(id)/repo.json"
    let record: RepoRecord = try Self.decode(path)
    guard record.id == id, record.namespace == namespace else {
      throw .damaged(path: path, reason: "it is about the repo \(record.id) in \(record.namespace)")
    }
    let (tokens, lines) = try TokenJournal.load(directory.tokens(of: record), at: now)
    for token in tokens {
      let place = Store.TokenPlace(namespace: namespace, repo: record.name, id: token.id)
      placesByID[token.id] = place
      placesBySecret[token.secret] = place
    }
    lastCreation = max(lastCreation, record.createdAt)
    return Store.Repo(record: record, tokens: tokens, journalLines: lines)
  }

  static func encode(_ record: some Encodable) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    // Encoding a struct of strings and numbers cannot fail.
    guard let data = try? encoder.encode(record) else { return [] }
    return Array(data) + [10]
  }

  private static func decode<Record: Decodable>(_ path: String) throws(StoreError) -> Record {
    guard let bytes = try DurableFile.read(path) else { throw .damaged(path: path, reason: "there is no such file") }
    do {
      return try JSONDecoder().decode(Record.self, from: Data(bytes))
    } catch {
      throw .damaged(path: path, reason: "\(error)")
    }
  }
}
