import ArtifactsAPI
import HTTPCore

extension AdminAPI {
  static let namespaceRoutes = [
    AdminRoute(
      .get, "namespaces", "listNamespaces", .namespaces, "List namespaces",
      query: [
        .optional("limit", .whole(1...200), "How many at most."),
        .optional("cursor", .cursor, "The `next_cursor` of the page before."),
      ], answers: [.json(200, .namespaceList)], AdminAPI.listNamespaces),
    AdminRoute(
      .post, "namespaces", "createNamespace", .namespaces, "Make a namespace",
      body: [
        .required("namespace", .name(2...63), "Its name."),
        .optional("jurisdiction", .word(["eu", "us"]), "Where its data must stay; it cannot be changed."),
      ], answers: [.json(201, .namespace, location: true)], failures: [409], AdminAPI.createNamespace),
    AdminRoute(
      .get, "namespaces/{namespace}", "getNamespace", .namespaces, "Get a namespace",
      answers: [.json(200, .namespace)], AdminAPI.getNamespace),
    AdminRoute(
      .delete, "namespaces/{namespace}", "deleteNamespace", .namespaces, "Delete a namespace", answers: [.nothing],
      failures: [409], AdminAPI.deleteNamespace),
  ]

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
    let name = call.body.required("namespace")
    let jurisdiction = call.body.string("jurisdiction")
    let created = try await asking { () async throws(ArtifactsError) in
      try await client.createNamespace(name, jurisdiction: jurisdiction)
    }
    await call.answer(201, created, location: "/api/v1/namespaces/\(name)")
  }

  func getNamespace(_ call: AdminCall) async throws(Problem) {
    let found = try await asking { () async throws(ArtifactsError) in try await client.getNamespace(call["namespace"]) }
    await call.answer(200, found)
  }

  func deleteNamespace(_ call: AdminCall) async throws(Problem) {
    try await asking { () async throws(ArtifactsError) in try await client.deleteNamespace(call["namespace"]) }
    await memory.forget(namespace: call["namespace"])
    await call.answerNothing()
  }
}
