import ArtifactsEmulator
import Testing

@Suite struct TokenTests {
  private func withRepo(_ body: (TestService) async throws -> Void) async throws {
    try await TestService.with { service in
      _ = await service.ask("POST", "/namespaces/demo/repos", #"{"name":"base"}"#)
      try await body(service)
    }
  }

  @Test func `a token is told once, with its secret`() async throws {
    try await withRepo { service in
      let made = await service.ask("POST", "/namespaces/demo/tokens", #"{"repo":"base","scope":"read","ttl":600}"#)
      #expect(made.status == 201)
      #expect(made.result?.fieldNames == ["id", "plaintext", "scope", "expires_at"])
      #expect(made.result?["scope"] == .string("read"))
      #expect(made.result?["expires_at"] == .string("\(service.clock.now.advanced(bySeconds: 600))"))
      #expect(made.result?["plaintext"]?.text?.hasSuffix("?expires=\(service.clock.now.seconds + 600)") == true)
      let usual = await service.ask("POST", "/namespaces/demo/tokens", #"{"repo":"base"}"#)
      #expect(usual.result?["scope"] == .string("write"))
      #expect(usual.result?["expires_at"] == .string("\(service.clock.now.advanced(bySeconds: 86_400))"))
      let listed = await service.ask("GET", "/namespaces/demo/repos/base/tokens")
      #expect(listed.items.count == 3)
      #expect(listed.items.allSatisfy { $0.fieldNames == ["id", "scope", "state", "created_at", "expires_at"] })
      #expect(!listed.text.contains("art_v2"))
    }
  }

  @Test(arguments: [10, 59, 31_536_001, 0, -1])
  func `a ttl out of range is refused`(ttl: Int) async throws {
    try await withRepo { service in
      let answer = await service.ask("POST", "/namespaces/demo/tokens", #"{"repo":"base","ttl":\#(ttl)}"#)
      #expect((answer.status, answer.code, answer.pointer) == (400, 10103, "/ttl"))
      #expect(answer.message == "ttl must be between 60 and 31536000 seconds")
    }
  }

  @Test(arguments: [60, 31_536_000])
  func `a ttl at the edge is taken`(ttl: Int) async throws {
    try await withRepo { service in
      #expect(await service.ask("POST", "/namespaces/demo/tokens", #"{"repo":"base","ttl":\#(ttl)}"#).status == 201)
    }
  }

  @Test(arguments: [
    (#""ttl":"1h""#, "/ttl", "Invalid input: expected number, received string"),
    (#""ttl":60.5"#, "/ttl", "Invalid input: expected int, received number"),
    (#""ttl":true"#, "/ttl", "Invalid input: expected number, received boolean"),
    (#""scope":"admin""#, "/scope", #"Invalid option: expected one of "read"|"write""#),
    (#""scope":1"#, "/scope", #"Invalid option: expected one of "read"|"write""#),
  ])
  func `a field of the wrong kind is refused`(field: String, pointer: String, message: String) async throws {
    try await withRepo { service in
      let answer = await service.ask("POST", "/namespaces/demo/tokens", #"{"repo":"base",\#(field)}"#)
      #expect((answer.status, answer.code, answer.pointer, answer.message) == (400, 10100, pointer, message))
    }
  }

  @Test func `a token needs a repo that is there`() async throws {
    try await withRepo { service in
      let none = await service.ask("POST", "/namespaces/demo/tokens", "{}")
      #expect((none.status, none.code, none.pointer) == (400, 10100, "/repo"))
      #expect(none.message == "Invalid input: expected string, received undefined")
      let missing = await service.ask("POST", "/namespaces/demo/tokens", #"{"repo":"missing"}"#)
      #expect((missing.status, missing.code, missing.message) == (404, 10200, "Repository not found"))
      #expect(await service.ask("GET", "/namespaces/demo/repos/missing/tokens").code == 10200)
    }
  }

  @Test func `tokens are filtered by their state`() async throws {
    try await withRepo { service in
      func made(_ ttl: Int) async throws -> String {
        let answer = await service.ask("POST", "/namespaces/demo/tokens", #"{"repo":"base","ttl":\#(ttl)}"#)
        return try #require(answer.result?["id"]?.text)
      }
      func ids(_ query: String) async -> [String] {
        await service.ask("GET", "/namespaces/demo/repos/base/tokens\(query)").ids
      }
      let first = try #require(await ids("").first)
      let short = try await made(60)
      let revoked = try await made(60)
      #expect(await service.ask("DELETE", "/namespaces/demo/tokens/\(revoked)").status == 200)
      service.clock.advance(seconds: 59)
      #expect(await ids("") == [first, short])
      service.clock.advance(seconds: 1)
      #expect(await ids("?state=active") == [first])
      #expect(await ids("?state=expired") == [short])
      #expect(await ids("?state=revoked") == [revoked])
      #expect(await ids("?state=all") == [first, short, revoked])
    }
  }

  @Test(arguments: [
    ("", 30, 1, 1, 3, 3), ("?per_page=1", 1, 1, 3, 1, 3), ("?per_page=2&page=2", 2, 2, 2, 1, 3),
    ("?page=9", 30, 9, 1, 0, 3), ("?state=revoked", 30, 1, 0, 0, 0),
    ("?page=9007199254740991&per_page=100", 100, 9_007_199_254_740_991, 1, 0, 3),
  ])
  func `token lists are numbered pages`(query: String, perPage: Int, page: Int, pages: Int, count: Int, total: Int)
    async throws
  {
    try await withRepo { service in
      for _ in 0..<2 { _ = await service.ask("POST", "/namespaces/demo/tokens", #"{"repo":"base"}"#) }
      let answer = await service.ask("GET", "/namespaces/demo/repos/base/tokens\(query)")
      let info =
        #""page":\#(page),"per_page":\#(perPage),"total_pages":\#(pages),"count":\#(count),"total_count":\#(total)"#
      #expect(answer.text.hasSuffix("\"result_info\":{\(info)}}"))
      #expect(answer.items.count == count)
    }
  }

  @Test(arguments: [
    ("state=dead", "/state", #"Invalid option: expected one of "active"|"expired"|"revoked"|"all""#),
    ("per_page=101", "/per_page", "Too big: expected number to be <=100"),
    ("per_page=0", "/per_page", "Too small: expected number to be >0"),
    ("page=x", "/page", "Invalid input: expected number, received NaN"),
    ("page=1e300", "/page", "Too big: expected number to be <=\(Int.max)"),
  ])
  func `a bad parameter is refused`(query: String, pointer: String, message: String) async throws {
    try await withRepo { service in
      let answer = await service.ask("GET", "/namespaces/demo/repos/base/tokens?\(query)")
      #expect((answer.status, answer.code, answer.pointer, answer.message) == (400, 10100, pointer, message))
    }
  }

  @Test func `revoking again is no error, an unknown id is`() async throws {
    try await withRepo { service in
      let id = try #require(await service.ask("GET", "/namespaces/demo/repos/base/tokens").ids.first)
      for _ in 0..<2 {
        let answer = await service.ask("DELETE", "/namespaces/demo/tokens/\(id)")
        #expect((answer.status, answer.result?["id"]) == (200, .string(id)))
      }
      for path in ["/namespaces/demo/tokens/nosuchtoken00000", "/namespaces/other/tokens/\(id)"] {
        let unknown = await service.ask("DELETE", path)
        #expect((unknown.status, unknown.code, unknown.message) == (404, 10200, "Token not found"))
      }
    }
  }

  @Test func `a deleted repo takes its tokens along`() async throws {
    try await withRepo { service in
      let id = try #require(await service.ask("GET", "/namespaces/demo/repos/base/tokens").ids.first)
      _ = await service.ask("DELETE", "/namespaces/demo/repos/base")
      #expect(await service.ask("DELETE", "/namespaces/demo/tokens/\(id)").status == 404)
    }
  }
}
