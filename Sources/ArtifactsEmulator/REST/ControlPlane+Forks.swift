extension ControlPlane {
  /// A copy of a repo with every ref. `default_branch_only` is taken and has no effect, as on the service.
  func forkRepo(_ name: String, in namespace: String, _ request: APIRequest) async throws -> APIReply {
    let fields = try BodyFields(request)
    let source = try await store.repo(name, in: namespace)
    guard let newName = fields.name("name"), NameRule.isRepo(newName) else { throw APIFault.repoName }
    let description = try fields.string("description")
    let readOnly = try fields.bool("read_only") ?? false
    _ = try fields.bool("default_branch_only")
    let new = Store.NewRepo(
      name: newName, description: description, defaultBranch: source.defaultBranch, readOnly: readOnly)
    let (growing, objects) = try await works.run { [store, upkeep] in
      let growing = try await store.begin(new, in: namespace, source: "artifacts:\(namespace)/\(name)", as: .forking)
      return try await store.filling(growing) {
        let directory = store.gitDirectory(of: source)
        let user = upkeep.enter(directory)
        defer { upkeep.leave(user, directory) }
        return try await Self.copy(directory, into: growing, head: store.headTarget(of: source))
      }
    }
    let members = created(growing.record, growing.token) + [.init(name: "objects", value: .integer(objects))]
    return .success(.object(members), status: 201)
  }

  /// Copies refs and the objects behind them, and returns how many these are. A push meanwhile is in it or not.
  private static func copy(_ source: String, into growing: GrowingRepo, head: String?) async throws -> Int {
    let directory = growing.gitDirectory
    if let head { _ = try await GitCommand.plumbing(["symbolic-ref", "HEAD", head], in: directory).output() }
    let fetch = ["-c", "fetch.unpackLimit=1", "fetch", "--quiet", "--no-write-fetch-head", "--no-tags"]
    _ = try await GitCommand.plumbing(fetch + [source, "+refs/*:refs/*"], in: directory).output()
    let counts = try await GitCommand.plumbing(["count-objects", "-v"], in: directory).output()
    return counts.split(separator: "\n").reduce(0) { sum, line in
      let words = line.split(separator: " ")
      guard words.count == 2, ["count:", "in-pack:"].contains(words[0]) else { return sum }
      return sum + (Int(words[1]) ?? 0)
    }
  }
}

extension Store {
  /// Lets `body` fill a repo, then syncs and shows it; gives it up when that fails.
  nonisolated func filling<Result: Sendable>(_ growing: GrowingRepo, _ body: () async throws -> Result) async throws
    -> (GrowingRepo, Result)
  {
    let result: Result
    do {
      result = try await body()
      try DurableFile.syncTree(growing.gitDirectory)
    } catch {
      await abandon(growing)
      throw error
    }
    try await finish(growing)
    return (growing, result)
  }
}
