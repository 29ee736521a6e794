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
  /// How many pages are passed over because nothing in them may be read.
  private static let emptyPages = 16

  func listRepos(_ call: AdminCall) async throws(Problem) {
    if call.wantsLines { return try await streamRepos(call) }
    let page = try await readablePage(call)
    await call.answer(200, RepoList(repos: page.repos.map { view($0, call) }, next_cursor: page.cursor))
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
      guard await send(readable(current.items, call), call) else { return }
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

  /// The next page with something in it. One with nothing that the caller may read would tell him how much there is of what he
  /// may not; so it is passed over, as long as there is patience for it.
  private func readablePage(_ call: AdminCall) async throws(Problem) -> (repos: [Repo], cursor: String?) {
    var query = call.query
    var walk = CursorWalk()
    _ = walk.next(after: query["cursor"])
    var patience = Self.emptyPages
    while true {
      let page = try await page(call, query)
      let repos = readable(page.items, call)
      guard repos.isEmpty, !page.items.isEmpty, patience > 0, let cursor = walk.next(after: page.cursor) else {
        return (repos, page.cursor)
      }
      patience -= 1
      query.set("cursor", cursor)
    }
  }

  private func readable(_ repos: [Repo], _ call: AdminCall) -> [Repo] {
    guard access.isOn, !access.isReporting else { return repos }
    let identity = call.identity
    return repos.filter {
      access.allows(identity, .read, .repo(RepoKey(namespace: call.namespace, name: $0.name)))
    }
  }

  private func page(_ call: AdminCall, _ query: AdminQuery) async throws(Problem) -> Listing<Repo> {
    try await asking { () async throws(ArtifactsError) in
      try await client.listRepos(call.namespace, query: query.parameters)
    }
  }
}
