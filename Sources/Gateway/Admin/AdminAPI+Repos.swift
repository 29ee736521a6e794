import ArtifactsAPI
import HTTPCore
import HTTPTransport

extension AdminAPI {
  private static let includeToken = AdminField.optional(
    "include_token", .flag, "Whether the first token is told; the gateway keeps it in any case.")
  private static let description = AdminField.optional("description", .text(0...65_536), "Words about it.")
  private static let readOnly = AdminField.optional("read_only", .flag, "Whether the gateway refuses pushes to it.")
  private static let defaultBranch = AdminField.optional(
    "default_branch", .branch, "The branch that HEAD names; `main` if there is none.")

  static let repoRoutes = [
    AdminRoute(
      .get, "repos", "listRepos", .repos, "List repositories",
      query: [
        .optional("limit", .whole(1...200), "How many at most; 50 if there is none, and 200 a page for lines."),
        .optional("cursor", .cursor, "The `next_cursor` of the page before."),
        .optional("search", .text(0...255), "Those whose name has this in it."),
        .optional("sort", .word(["created_at", "updated_at", "last_push_at", "name"]), "By what; else `created_at`."),
        .optional("direction", .word(["asc", "desc"]), "Up or down; else `desc`."),
      ], answers: [.listing(.repoList, line: .repo)], AdminAPI.listRepos),
    AdminRoute(
      .post, "repos", "createRepo", .repos, "Make a repository", query: [includeToken],
      body: [.required("name", .name(1...128), "Its name."), description, defaultBranch, readOnly],
      answers: [.json(201, .newRepo, location: true)], failures: [409], AdminAPI.createRepo),
    AdminRoute(
      .get, "repos/{name}", "getRepo", .repos, "Get a repository", answers: [.json(200, .repo)], failures: [409],
      AdminAPI.getRepo),
    AdminRoute(
      .put, "repos/{name}", "ensureRepo", .repos, "Get a repository, and make it if it is missing",
      query: [includeToken], body: [description, defaultBranch, readOnly],
      answers: [.json(200, .repo), .json(201, .newRepo, location: true)], failures: [409], AdminAPI.ensureRepo),
    AdminRoute(
      .delete, "repos/{name}", "deleteRepo", .repos, "Delete a repository", answers: [.json(202, .deleted)],
      failures: [409], AdminAPI.deleteRepo),
    AdminRoute(
      .post, "repos/{name}/fork", "forkRepo", .repos, "Copy a repository within its namespace", query: [includeToken],
      body: [
        .required("name", .name(1...128), "The copy's name."), description, readOnly,
        .optional("default_branch_only", .flag, "Artifacts takes this and copies every ref all the same."),
      ], answers: [.json(201, .newRepo, location: true)], failures: [409], AdminAPI.forkRepo),
    AdminRoute(
      .post, "repos/{name}/import", "importRepo", .repos, "Make a repository from a public one elsewhere",
      query: [includeToken],
      body: [
        .required("url", .url, "Its `https://` address."),
        .optional("branch", .branch, "This branch alone."),
        .optional("depth", .whole(1...2_147_483_647), "So many commits of its history."), readOnly,
      ], answers: [.json(201, .newRepo, location: true)], failures: [409, 422], AdminAPI.importRepo),
  ]

  private struct Deleted: Encodable { let id: String? }

  func getRepo(_ call: AdminCall) async throws(Problem) {
    let found = try await asking { () async throws(ArtifactsError) in
      try await client.getRepo(call.namespace, call["name"])
    }
    await call.answer(200, view(found, call))
  }

  func createRepo(_ call: AdminCall) async throws(Problem) {
    try await create(call, RepoKey(namespace: call.namespace, name: call.body.required("name")))
  }

  /// Gets the repo, or creates it. When somebody else creates it at the same time, that one is given.
  func ensureRepo(_ call: AdminCall) async throws(Problem) {
    if let found = try await find(call) { return await call.answer(200, view(found, call)) }
    do throws(Problem) { try await create(call, call.repo) } catch {
      guard error.code == 10201 else { throw error }
      try await getRepo(call)
    }
  }

  func deleteRepo(_ call: AdminCall) async throws(Problem) {
    let id = try await asking { () async throws(ArtifactsError) in
      try await client.deleteRepo(call.namespace, call["name"])
    }
    await memory.forget(call.repo)
    await call.answer(202, Deleted(id: id))
  }

  func forkRepo(_ call: AdminCall) async throws(Problem) {
    let body = call.body
    let repo = RepoKey(namespace: call.namespace, name: body.required("name"))
    try await made(call, repo) { () async throws(ArtifactsError) in
      try await client.forkRepo(
        call.namespace, call["name"], name: repo.name, description: body.string("description"),
        read_only: body.bool("read_only"), default_branch_only: body.bool("default_branch_only"))
    }
  }

  func importRepo(_ call: AdminCall) async throws(Problem) {
    let body = call.body
    try await made(call, call.repo) { () async throws(ArtifactsError) in
      try await client.importRepo(
        call.namespace, call["name"], url: body.required("url"), branch: body.string("branch"),
        depth: body.integer("depth"), read_only: body.bool("read_only"))
    }
  }

  func view(_ repo: Repo, _ call: AdminCall, token: Secret? = nil) -> RepoView {
    RepoView(
      repo, call, base: PublicURL.git(call.exchange, state: state), defaultNamespace: configuration.namespace,
      token: token)
  }

  // MARK: Making repos

  private func find(_ call: AdminCall) async throws(Problem) -> Repo? {
    try await asking { () async throws(ArtifactsError) -> Repo? in
      do throws(ArtifactsError) { return try await client.getRepo(call.namespace, call["name"]) } catch {
        if error.isNotFound { return nil }
        throw error
      }
    }
  }

  private func create(_ call: AdminCall, _ repo: RepoKey) async throws(Problem) {
    let body = call.body
    try await made(call, repo) { () async throws(ArtifactsError) in
      try await client.createRepo(
        repo.namespace, name: repo.name, description: body.string("description"),
        default_branch: body.string("default_branch"), read_only: body.bool("read_only"))
    }
  }

  /// Makes a repo, keeps its token, and answers with it.
  private func made(
    _ call: AdminCall, _ repo: RepoKey, _ make: () async throws(ArtifactsError) -> CreatedRepo
  ) async throws(Problem) {
    let isTokenWanted = call.query.isOn("include_token")
    var created = try await asking(make)
    await memory.replace(repo, with: created)
    // The service leaves it out of this answer, though not out of the next.
    if created.repo.read_only == nil { created.repo.read_only = call.body.bool("read_only") ?? false }
    await call.answer(
      201, view(created.repo, call, token: isTokenWanted ? created.token : nil),
      location: "/api/v1/namespaces/\(repo.namespace)/repos/\(repo.name)")
  }
}
