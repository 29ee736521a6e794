import ArtifactsAPI
import EventLoop
import HTTPCore
import HTTPTransport

extension AdminAPI {
  static let contentRoutes = [
    AdminRoute(
      .get, "repos/{name}/log", "getLog", .content, "List commits along first parents",
      query: [
        .optional("ref", .branch, "A short name of a branch or tag, or a commit; HEAD if there is none."),
        .optional("limit", .whole(1...2_147_483_647), "How many; 50 if there is none. No more than 1,000 are given."),
        .optional("offset", .whole(0...2_147_483_647), "How many to leave out at the beginning."),
      ], answers: [.json(200, .log)], failures: [409, 413], AdminAPI.log),
    AdminRoute(
      .get, "repos/{name}/commits/{hash}", "getCommit", .content, "Get a commit", answers: [.json(200, .commit)],
      failures: [409, 413], AdminAPI.getCommit),
    AdminRoute(
      .get, "repos/{name}/trees/{hash}", "getTree", .content, "List a directory by the hash of its tree",
      answers: [.json(200, .tree)], failures: [409, 413], AdminAPI.getTree),
    AdminRoute(
      .get, "repos/{name}/blobs/{hash}", "getBlob", .content, "Get the bytes of a blob", answers: [.bytes],
      failures: [409, 413], AdminAPI.getBlob),
    AdminRoute(
      .get, "repos/{name}/file", "getFile", .content, "Get the bytes of a file",
      query: [
        .required("ref", .branch, "A short name of a branch or tag, or a commit."),
        .required("path", .path, "The file in it."),
      ], answers: [.bytes], failures: [409, 413], AdminAPI.getFile),
    AdminRoute(
      .get, "repos/{name}/raw/{ref}/{path...}", "getRaw", .content, "Get the bytes of a file, with their type",
      answers: [.bytes], failures: [409, 413], AdminAPI.getRaw),
  ]

  private struct Log: Encodable { let commits: [Commit] }
  private struct Tree: Encodable { let entries: [TreeEntry] }

  func log(_ call: AdminCall) async throws(Problem) {
    let commits = try await asking { () async throws(ArtifactsError) in
      try await client.log(call.namespace, call["name"], query: call.query.parameters)
    }
    await call.answer(200, Log(commits: commits))
  }

  func getCommit(_ call: AdminCall) async throws(Problem) {
    let commit = try await asking { () async throws(ArtifactsError) in
      try await client.getCommit(call.namespace, call["name"], hash: call["hash"])
    }
    await call.answer(200, commit)
  }

  func getTree(_ call: AdminCall) async throws(Problem) {
    let entries = try await asking { () async throws(ArtifactsError) in
      try await client.getTree(call.namespace, call["name"], hash: call["hash"])
    }
    await call.answer(200, Tree(entries: entries))
  }

  func getBlob(_ call: AdminCall) async throws(Problem) {
    let body = try await asking { () async throws(ArtifactsError) in
      try await client.getBlob(call.namespace, call["name"], hash: call["hash"])
    }
    await relay(body, call)
  }

  func getFile(_ call: AdminCall) async throws(Problem) {
    let body = try await asking { () async throws(ArtifactsError) in
      try await client.getFile(call.namespace, call["name"], query: call.query.parameters)
    }
    await relay(body, call)
  }

  func getRaw(_ call: AdminCall) async throws(Problem) {
    let body = try await asking { () async throws(ArtifactsError) in
      try await client.getRaw(call.namespace, call["name"], ref: call["ref"], path: call.tail)
    }
    await relay(body, call)
  }

  // MARK: Raw bytes

  /// Copies bytes as they come, piece by piece. What is cut upstream is cut downstream.
  private func relay(_ body: ContentBody, _ call: AdminCall) async {
    let exchange = call.exchange
    exchange.onClientGone = { body.close() }
    defer { exchange.onClientGone = nil }
    exchange.start(status: 200, length: body.length) { writer in
      body.head.fields.forEachLine { name, line in
        if Self.isPassedOn(name) { writer.append(line: line) }
      }
      writer.append("x-request-id", call.requestID)
      // A file of a repo must not act as a page of this origin, where it could use this very API.
      writer.append("content-security-policy: default-src 'none'; sandbox\r\n")
      writer.append("x-content-type-options: nosniff\r\n")
    }
    let list = GatherList()
    do throws(TransportError) {
      while exchange.request.method != .head, !body.isRead, try await body.read(into: list) {
        try await exchange.write(list)
      }
      try await exchange.finish()
      body.finish()
    } catch {
      body.close()
      exchange.abort()
    }
  }

  private static func isPassedOn(_ name: UnsafeRawBufferPointer) -> Bool {
    let known: [FieldName] = [
      .contentType, .contentEncoding, .cacheControl, "etag", "last-modified", "content-disposition",
    ]
    return known.contains { Fields.matches(name, $0) }
  }
}
