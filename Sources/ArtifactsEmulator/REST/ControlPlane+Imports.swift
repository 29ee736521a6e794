extension ControlPlane {
  private static let mostDepth = Int(Int32.max)

  /// A copy of a public repository elsewhere. Answers when it is done; meanwhile lists tell `importing`.
  func importRepo(_ name: String, in namespace: String, _ request: APIRequest) async throws -> APIReply {
    let fields = try BodyFields(request)
    let url = try ImportURL(fields.requiredString("url"), allowsLoopback: imports.allowsLoopbackHTTP)
    let branch = try fields.string("branch")
    if let branch, !NameRule.isBranch(branch) { throw APIFault.invalid("Invalid branch name", at: "branch") }
    let depth = try fields.integer("depth")
    if let depth, depth < 1 { throw APIFault.invalid("Too small: expected number to be >0", at: "depth") }
    let readOnly = try fields.bool("read_only") ?? false
    if let status = await store.status(of: name, in: namespace), status != .ready { throw StoreError.notReady(status) }
    // Without a branch the service calls it `main`, whatever the source's HEAD names.
    let new = Store.NewRepo(name: name, defaultBranch: branch ?? "main", readOnly: readOnly)
    let work = Import(
      url: url, branch: branch, depth: depth.map { min($0, Self.mostDepth) }, timeLimit: imports.timeLimit)
    let (growing, _) = try await works.run { [store] in
      let growing = try await store.begin(new, in: namespace, source: "git:\(url.text)", as: .importing)
      return try await store.filling(growing) { try await work.run(into: growing.gitDirectory) }
    }
    return .success(.object(created(growing.record, growing.token)), status: 201)
  }
}
