import ArtifactsAPI
import HTTPCore
import HTTPTransport

extension AdminAPI {
  private struct Deleted: Encodable { let id: String? }

  func getRepo(_ call: AdminCall) async throws(Problem) {
    let found = try await asking { () async throws(ArtifactsError) in
      try await client.getRepo(call.namespace, call["name"])
    }
    await call.answer(200, view(found, call))
  }

  func createRepo(_ call: AdminCall) async throws(Problem) {
    let body = try await call.body(["name", "description", "default_branch", "read_only"])
    let repo = RepoKey(namespace: call.namespace, name: try body.requiredName("name"))
    try await create(call, repo, NewRepo(body))
  }

  /// Gets the repo, or creates it. When somebody else creates it at the same time, that one is given.
  func ensureRepo(_ call: AdminCall) async throws(Problem) {
    let body = try await call.body(["name", "description", "default_branch", "read_only"])
    guard try body.string("name") ?? call["name"] == call["name"] else {
      throw Problem(400, "the field name differs from the path", pointer: "/name")
    }
    let new = try NewRepo(body)
    if let found = try await find(call) { return await call.answer(200, view(found, call)) }
    do throws(Problem) { try await create(call, call.repo, new) } catch {
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
    let body = try await call.body(["name", "description", "read_only", "default_branch_only"])
    let repo = RepoKey(namespace: call.namespace, name: try body.requiredName("name"))
    let (description, read_only) = (try body.string("description"), try body.bool("read_only"))
    let default_branch_only = try body.bool("default_branch_only")
    try await made(call, repo, read_only: read_only) { () async throws(ArtifactsError) in
      try await client.forkRepo(
        call.namespace, call["name"], name: repo.name, description: description, read_only: read_only,
        default_branch_only: default_branch_only)
    }
  }

  func importRepo(_ call: AdminCall) async throws(Problem) {
    let body = try await call.body(["url", "branch", "depth", "read_only"])
    let url = try body.required("url")
    let (branch, depth, read_only) = (try body.string("branch"), try body.integer("depth"), try body.bool("read_only"))
    try await made(call, call.repo, read_only: read_only) { () async throws(ArtifactsError) in
      try await client.importRepo(
        call.namespace, call["name"], url: url, branch: branch, depth: depth, read_only: read_only)
    }
  }

  func view(_ repo: Repo, _ call: AdminCall, token: Secret? = nil) -> RepoView {
    RepoView(
      repo, call, base: PublicURL.git(call.exchange, state: state), defaultNamespace: configuration.namespace,
      token: token)
  }

  // MARK: Making repos

  private struct NewRepo {
    let description: String?
    let default_branch: String?
    let read_only: Bool?

    init(_ body: AdminBody) throws(Problem) {
      description = try body.string("description")
      default_branch = try body.string("default_branch")
      read_only = try body.bool("read_only")
    }
  }

  private func find(_ call: AdminCall) async throws(Problem) -> Repo? {
    try await asking { () async throws(ArtifactsError) -> Repo? in
      do throws(ArtifactsError) { return try await client.getRepo(call.namespace, call["name"]) } catch {
        if error.isNotFound { return nil }
        throw error
      }
    }
  }

  private func create(_ call: AdminCall, _ repo: RepoKey, _ new: NewRepo) async throws(Problem) {
    try await made(call, repo, read_only: new.read_only) { () async throws(ArtifactsError) in
      try await client.createRepo(
        repo.namespace, name: repo.name, description: new.description, default_branch: new.default_branch,
        read_only: new.read_only)
    }
  }

  /// Makes a repo, keeps its token, and answers with it.
  private func made(
    _ call: AdminCall, _ repo: RepoKey, read_only: Bool?, _ make: () async throws(ArtifactsError) -> CreatedRepo
  ) async throws(Problem) {
    let isTokenWanted = try call.query.isOn("include_token")
    var created = try await asking(make)
    await memory.replace(repo, with: created)
    // The service leaves it out of this answer, though not out of the next.
    if created.repo.read_only == nil { created.repo.read_only = read_only ?? false }
    await call.answer(
      201, view(created.repo, call, token: isTokenWanted ? created.token : nil),
      location: "/api/v1/namespaces/\(repo.namespace)/repos/\(repo.name)")
  }
}
