import ArtifactsAPI
import HTTPCore

extension AdminAPI {
  static let tokenRoutes = [
    AdminRoute(
      .get, "repos/{name}/tokens", "listTokens", .tokens, "List the tokens of a repository",
      query: [
        .optional("state", .word(["active", "expired", "revoked", "all"]), "Those in this state; else the active."),
        .optional("page", .whole(1...2_147_483_647), "Which page, from 1."),
        .optional("per_page", .whole(1...100), "How many on a page; 30 if there is none."),
      ], answers: [.json(200, .tokenList)], failures: [409], AdminAPI.listTokens),
    AdminRoute(
      .post, "repos/{name}/tokens", "createToken", .tokens, "Mint a token",
      body: [
        .optional("scope", .word(["read", "write"]), "What it may do; `write` if there is none."),
        .optional("ttl", .span(60...31_536_000), "Its life: seconds, or text like `90s`, `15m`, `1h`, `7d`."),
      ], answers: [.json(201, .newToken)], failures: [409], AdminAPI.createToken),
    AdminRoute(
      .delete, "tokens/{id}", "revokeToken", .tokens, "Revoke a token", answers: [.json(200, .revoked)],
      AdminAPI.revokeToken),
  ]

  private struct TokenList: Encodable {
    let tokens: [TokenInfo]
    let page: Int
    let per_page: Int
    let total_count: Int
    let total_pages: Int
  }

  private struct Minted: Encodable {
    let id: String
    let plaintext: Secret
    let scope: String?
    let expires_at: String?

    private enum CodingKeys: String, CodingKey { case id, plaintext, scope, expires_at }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(id, forKey: .id)
      try container.encode(plaintext.exposed, forKey: .plaintext)
      try container.encodeIfPresent(scope, forKey: .scope)
      try container.encodeIfPresent(expires_at, forKey: .expires_at)
    }
  }

  private struct Revoked: Encodable { let id: String }

  func listTokens(_ call: AdminCall) async throws(Problem) {
    let (tokens, info) = try await asking { () async throws(ArtifactsError) in
      try await client.listTokens(call.namespace, repo: call["name"], query: call.query.parameters)
    }
    // What an answer leaves out is told by what it has.
    await call.answer(
      200,
      TokenList(
        tokens: tokens, page: info?.page ?? 1, per_page: info?.per_page ?? tokens.count,
        total_count: info?.total_count ?? tokens.count, total_pages: info?.total_pages ?? (tokens.isEmpty ? 0 : 1)))
  }

  /// Mints a token for the caller. The gateway's own are others.
  func createToken(_ call: AdminCall) async throws(Problem) {
    let asked = call.body.string("scope").flatMap { TokenScope(rawValue: $0) }
    let ttl = call.body.seconds("ttl")
    let token = try await asking { () async throws(ArtifactsError) in
      try await client.createToken(call.namespace, repo: call["name"], scope: asked, ttl: ttl)
    }
    await call.answer(
      201,
      Minted(
        id: token.id, plaintext: token.plaintext, scope: (token.scope ?? asked)?.rawValue, expires_at: token.expires_at)
    )
  }

  func revokeToken(_ call: AdminCall) async throws(Problem) {
    let id = try await asking { () async throws(ArtifactsError) in
      try await client.revokeToken(call.namespace, id: call["id"])
    }
    await memory.forget(tokenID: call["id"])
    await call.answer(200, Revoked(id: id))
  }
}
