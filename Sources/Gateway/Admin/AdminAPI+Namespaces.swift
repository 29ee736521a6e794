import ArtifactsAPI

extension AdminAPI {
  private struct NamespaceList: Encodable {
    let namespaces: [Namespace]
    let next_cursor: String?

    private enum CodingKeys: String, CodingKey { case namespaces, next_cursor }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(namespaces, forKey: .namespaces)
      try container.encode(next_cursor, forKey: .next_cursor)
    }
  }

  func listNamespaces(_ call: AdminCall) async throws(Problem) {
    let page = try await asking { () async throws(ArtifactsError) in
      try await client.listNamespaces(query: call.query.parameters)
    }
    await call.answer(200, NamespaceList(namespaces: page.items, next_cursor: page.cursor))
  }

  func createNamespace(_ call: AdminCall) async throws(Problem) {
    let body = try await call.body(["namespace", "jurisdiction"])
    let name = try body.requiredName("namespace")
    let jurisdiction = try body.string("jurisdiction")
    let created = try await asking { () async throws(ArtifactsError) in
      try await client.createNamespace(name, jurisdiction: jurisdiction)
    }
    await call.answer(201, created, location: "/api/v1/namespaces/\(name)")
  }

  func getNamespace(_ call: AdminCall) async throws(Problem) {
    let found = try await asking { () async throws(ArtifactsError) in try await client.getNamespace(call["ns"]) }
    await call.answer(200, found)
  }

  func deleteNamespace(_ call: AdminCall) async throws(Problem) {
    try await asking { () async throws(ArtifactsError) in try await client.deleteNamespace(call["ns"]) }
    await memory.forget(namespace: call["ns"])
    await call.answerNothing()
  }
}
