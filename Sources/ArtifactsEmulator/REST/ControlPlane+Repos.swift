extension ControlPlane {
  private enum SortKey: String, CaseIterable {
    case createdAt = "created_at"
    case updatedAt = "updated_at"
    case lastPushAt = "last_push_at"
    case name
  }

  private enum Direction: String, CaseIterable { case asc, desc }

  func createRepo(in namespace: String, _ request: APIRequest) async throws -> APIReply {
    let fields = try BodyFields(request)
    guard let name = fields.name("name"), NameRule.isRepo(name) else { throw APIFault.repoName }
    let description = try fields.string("description")
    let branch = try fields.string("default_branch") ?? "main"
    // Not recorded; but HEAD cannot name what git refuses as a branch.
    guard NameRule.isBranch(branch) else { throw APIFault.invalid("Invalid branch name", at: "default_branch") }
    let readOnly = try fields.bool("read_only") ?? false
    let new = Store.NewRepo(name: name, description: description, defaultBranch: branch, readOnly: readOnly)
    let (record, token) = try await store.createRepo(new, in: namespace)
    return .success(.object(created(record, token)), status: 201)
  }

  /// What the maker of a repo is told.
  func created(_ record: RepoRecord, _ token: TokenRecord) -> [JSONValue.Member] {
    [
      .init(name: "id", value: .string(record.id)), .init(name: "name", value: .string(record.name)),
      .init(name: "description", value: .text(record.description)),
      .init(name: "default_branch", value: .string(record.defaultBranch)),
      .init(name: "remote", value: .string(remote(of: record))),
      .init(name: "token", value: .string(token.plaintext)),
    ]
  }

  func listRepos(in namespace: String, _ request: APIRequest) async throws -> APIReply {
    let query = QueryParameters(request.query)
    let limit = try query.count("limit", fallback: 50, most: 200)
    let sort = try query.option("sort", fallback: SortKey.createdAt)
    let direction = try query.option("direction", fallback: Direction.desc)
    let order = "\(sort.rawValue) \(direction.rawValue)"
    let found = await store.page(
      of: namespace,
      Store.RepoSelection(
        key: sort == .name ? .name : .creation, ascending: direction == .asc,
        after: try Self.cursor(query, order: order)?.place, search: query["search"] ?? "", limit: limit))
    let next = found.repos.last.flatMap { repo in
      found.isCut ? Cursor(order: order, place: Self.place(of: repo.record, by: sort)) : nil
    }
    let page = Page(found.repos, next: next, perPage: limit, total: found.total)
    let items = page.items.map { repo in
      JSONValue.object(members(of: repo.record) + [.init(name: "status", value: .string(repo.status.rawValue))])
    }
    return .success(.array(items), info: page.info)
  }

  func getRepo(_ name: String, in namespace: String) async throws -> APIReply {
    .success(.object(members(of: try await store.repo(name, in: namespace))))
  }

  func deleteRepo(_ name: String, in namespace: String) async throws -> APIReply {
    let id = try await store.deleteRepo(name, in: namespace)
    return .success(.members(["id": .string(id)]), status: 202)
  }

  private static func place(of repo: RepoRecord, by sort: SortKey) -> Cursor.Place {
    Cursor.Place(key: sort == .name ? repo.name : "", createdAt: repo.createdAt.milliseconds)
  }

  private func remote(of repo: RepoRecord) -> String { "\(baseURL)/git/\(repo.namespace)/\(repo.name).git" }

  /// `last_push_at` and `updated_at` stand still, as they were seen to after dozens of pushes.
  private func members(of repo: RepoRecord) -> [JSONValue.Member] {
    [
      .init(name: "id", value: .string(repo.id)), .init(name: "name", value: .string(repo.name)),
      .init(name: "description", value: .text(repo.description)),
      .init(name: "default_branch", value: .string(repo.defaultBranch)),
      .init(name: "created_at", value: .string("\(repo.createdAt)")),
      .init(name: "updated_at", value: .string("\(repo.updatedAt)")), .init(name: "last_push_at", value: .null),
      .init(name: "source", value: .text(repo.source)), .init(name: "read_only", value: .bool(repo.readOnly)),
      .init(name: "remote", value: .string(remote(of: repo))),
    ]
  }
}
