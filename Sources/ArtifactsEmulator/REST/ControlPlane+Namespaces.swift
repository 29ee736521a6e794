extension ControlPlane {
  private enum GivenJurisdiction: String { case eu, us }

  func createNamespace(_ request: APIRequest) async throws -> APIReply {
    let fields = try BodyFields(request)
    guard let name = fields.name("namespace"), NameRule.isNamespace(name) else { throw APIFault.namespaceName }
    let given = try fields.option("jurisdiction", of: [GivenJurisdiction.eu, .us])
    let jurisdiction = given.flatMap { Jurisdiction(rawValue: $0.rawValue) } ?? .unrestricted
    let record = try await store.createNamespace(name, jurisdiction: jurisdiction)
    return .success(Self.json(record, repoCount: 0), status: 201)
  }

  func listNamespaces(_ request: APIRequest) async throws -> APIReply {
    let query = QueryParameters(request.query)
    let limit = try query.count("limit", fallback: 100, most: 200)
    let cursor = try Self.cursor(query, order: "created_at asc")
    let all = await store.allNamespaces()
    let page = Page(all, after: cursor, perPage: limit, order: "created_at asc") {
      Cursor.Place(key: "", createdAt: $0.record.createdAt.milliseconds)
    }
    return .success(.array(page.items.map { Self.json($0.record, repoCount: $0.repoCount) }), info: page.info)
  }

  func getNamespace(_ name: String) async throws -> APIReply {
    let (record, count) = try await store.namespace(name)
    return .success(Self.json(record, repoCount: count))
  }

  func deleteNamespace(_ name: String) async throws -> APIReply {
    try await store.deleteNamespace(name)
    return .noContent
  }

  /// The place to go on from; none for a missing or empty cursor.
  static func cursor(_ query: QueryParameters, order: String) throws(APIFault) -> Cursor? {
    guard let text = query["cursor"], !text.isEmpty else { return nil }
    return try Cursor(text, order: order)
  }

  private static func json(_ record: NamespaceRecord, repoCount: Int) -> JSONValue {
    .members([
      "namespace": .string(record.name), "jurisdiction": .string(record.jurisdiction.rawValue),
      "repo_count": .integer(repoCount), "created_at": .string("\(record.createdAt)"),
      "updated_at": .string("\(record.updatedAt)"),
    ])
  }
}
