import ArtifactsAPI
import HTTPCore
import HTTPTransport

extension AdminAPI {
  private struct RepoList: Encodable {
    let repos: [RepoView]
    let next_cursor: String?

    private enum CodingKeys: String, CodingKey { case repos, next_cursor }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(repos, forKey: .repos)
      // Null, not absent, on the last page.
      try container.encode(next_cursor, forKey: .next_cursor)
    }
  }

  /// The most that the service gives in one page.
  private static let largestPage = 200

  func listRepos(_ call: AdminCall) async throws(Problem) {
    if call.wantsLines { return try await streamRepos(call) }
    let page = try await page(call, call.query)
    await call.answer(200, RepoList(repos: page.items.map { view($0, call) }, next_cursor: page.cursor))
  }

  /// Every page, one repo a line, each page sent before the next is asked for. A failure on the first page is a problem like
  /// any other; a later one cuts the answer, so that it cannot be taken for the whole.
  private func streamRepos(_ call: AdminCall) async throws(Problem) {
    var query = call.query
    if query["limit"] == nil { query.set("limit", "\(Self.largestPage)") }
    var walk = CursorWalk()
    _ = walk.next(after: query["cursor"])
    var current = try await page(call, query)
    let fields = Fields([
      (.contentType, "application/x-ndjson"), (.cacheControl, "no-store"), ("x-request-id", call.requestID),
    ])
    call.exchange.start(status: 200, length: nil) { $0.append(fields) }
    while call.exchange.request.method != .head {
      guard await send(current.items, call) else { return }
      guard let cursor = walk.next(after: current.cursor) else { break }
      query.set("cursor", cursor)
      current = try await page(call, query)
    }
    // A client that has gone is nobody's error.
    try? await call.exchange.finish()
  }

  /// - Returns: false when the client is gone.
  private func send(_ repos: [Repo], _ call: AdminCall) async -> Bool {
    guard !repos.isEmpty else { return true }
    do throws(TransportError) {
      try await call.exchange.write(repos.flatMap { AdminJSON.line(view($0, call)) })
      return true
    } catch {
      call.exchange.abort()
      return false
    }
  }

  private func page(_ call: AdminCall, _ query: AdminQuery) async throws(Problem) -> Listing<Repo> {
    try await asking { () async throws(ArtifactsError) in
      try await client.listRepos(call.namespace, query: query.parameters)
    }
  }
}
