import HTTPCore
import HTTPTransport
import Logging

/// The control plane's reads of what is in a repo. Apart from it because they run git and stream. One for each loop.
final class ContentEndpoint {
  private static let logDefault = 50
  private static let logMost = 1000
  /// What git takes as a count.
  private static let offsetMost = Int(Int32.max)

  private let plane: ControlPlane
  private let logger: Logger

  init(plane: ControlPlane, logger: Logger) {
    self.plane = plane
    self.logger = logger
  }

  /// Answers one request. Throws when its client is gone, or when a blob's bytes came to an early end.
  func handle(_ exchange: Exchange, _ route: ContentRoute) async throws {
    do {
      guard plane.isAuthenticated(exchange.request.fields[.authorization]) else { throw APIFault.notAuthenticated }
      guard NameRule.isNamespace(route.namespace) else { throw APIFault.namespaceName }
      guard NameRule.isRepo(route.repo) else { throw APIFault.repoName }
      let query = QueryParameters(exchange.request.query.map(String.init) ?? "")
      let repo = try await plane.store.repo(route.repo, in: route.namespace)
      let directory = plane.store.gitDirectory(of: repo)
      let user = plane.upkeep.enter(directory)
      defer { plane.upkeep.leave(user, directory) }
      let reader = ObjectReader(directory: directory, exchange: exchange)
      switch route.read {
      case .log: try await log(query, reader)
      case .commit(let hash): try await commit(hash, reader)
      case .tree(let hash): try await tree(hash, reader)
      case .blob(let hash): try await blob(hash, reader)
      case .file:
        let ref = try query.requiredString("ref")
        let object = try await file(ref, try query.requiredString("path"), reader)
        try await reader.send(object) { _ in Fields([(.contentType, ContentType.binary)]) }
      case .raw(let ref, let path):
        let object = try await file(ref, path, reader)
        try await reader.send(object) { beginning in
          let type = ContentType.sniff(beginning, isWhole: beginning.count == object.size)
          return Fields([(.contentType, type), ("x-content-type-options", "nosniff")])
        }
      }
    } catch let fault as APIFault {
      try await exchange.respond(.failure(fault))
    } catch let error as StoreError {
      try await exchange.respond(.failure(APIFault(error)))
    } catch let error as GitFailure {
      logger.error("git failed", metadata: ["reason": "\(error)"])
      if exchange.hasStarted { throw error }
      try await exchange.respond(.failure(.internalError))
    }
  }

  /// A first-parent walk, newest first. No such ref is no commits.
  private func log(_ query: QueryParameters, _ reader: ObjectReader) async throws {
    let limit = min(try query.count("limit", fallback: Self.logDefault), Self.logMost)
    let offset = min(try query.offset("offset"), Self.offsetMost)
    let names = query["ref"].map(ObjectName.commits) ?? ["HEAD^{commit}"]
    guard let start = try await reader.first(names) else {
      return try await reader.exchange.respond(.success(.array([])))
    }
    let walk = ["rev-list", "--first-parent", "--max-count=\(limit)", "--skip=\(offset)", start.hash, "--"]
    let hashes = try await reader.output(walk).split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
    let commits = try await reader.commits(hashes)
    try await reader.exchange.respond(.success(.array(commits.map(\.json))))
  }

  private func commit(_ hash: String, _ reader: ObjectReader) async throws {
    guard let object = try await find(hash, reader), object.type == "commit",
      let commit = try await reader.commits([hash]).first
    else { throw APIFault.notFound("Commit") }
    try await reader.exchange.respond(.success(commit.json))
  }

  private func tree(_ hash: String, _ reader: ObjectReader) async throws {
    guard let object = try await find(hash, reader) else { throw APIFault.notFound("Tree") }
    // The service reads whatever it finds as a tree, and then calls it damaged.
    guard object.type == "tree", let entries = TreeEntry.parse(try await reader.output(["cat-file", "tree", hash]))
    else { throw APIFault.corrupt }
    try await reader.exchange.respond(.success(.array(entries.map(\.json))))
  }

  private func blob(_ hash: String, _ reader: ObjectReader) async throws {
    guard let object = try await find(hash, reader), object.type == "blob" else { throw APIFault.notFound("Blob") }
    try await reader.send(object) { _ in Fields([(.contentType, ContentType.binary)]) }
  }

  private func find(_ hash: String, _ reader: ObjectReader) async throws -> GitObject? {
    guard ObjectName.isHash(hash) else { throw APIFault.objectHash }
    return try await reader.first([hash])
  }

  private func file(_ ref: String, _ path: String, _ reader: ObjectReader) async throws -> GitObject {
    guard let commit = try await reader.first(ObjectName.commits(ref)),
      let name = ObjectName.file(path, at: commit.hash), let object = try await reader.first([name]),
      object.type == "blob"
    else { throw APIFault.notFound("File") }
    return object
  }
}
