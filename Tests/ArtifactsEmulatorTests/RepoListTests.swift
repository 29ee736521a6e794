import ArtifactsEmulator
import Testing

@Suite struct RepoListTests {
  private func filled(_ body: (TestService) async throws -> Void) async throws {
    try await TestService.with { service in
      for name in ["base", "frozen", "trunky", "copy", "copy-only"] {
        _ = await service.ask("POST", "/namespaces/demo/repos", #"{"name":"\#(name)"}"#)
      }
      try await body(service)
    }
  }

  @Test(arguments: [
    ("", ["copy-only", "copy", "trunky", "frozen", "base"]),
    ("?direction=asc", ["base", "frozen", "trunky", "copy", "copy-only"]),
    ("?sort=name&direction=asc", ["base", "copy", "copy-only", "frozen", "trunky"]),
    ("?sort=name", ["trunky", "frozen", "copy-only", "copy", "base"]),
    ("?sort=last_push_at", ["copy-only", "copy", "trunky", "frozen", "base"]),
    ("?sort=updated_at&direction=asc", ["base", "frozen", "trunky", "copy", "copy-only"]),
    ("?search=cop", ["copy-only", "copy"]), ("?search=o%70y", ["copy-only", "copy"]), ("?search=none", []),
  ])
  func `a list is sorted and searched`(query: String, names: [String]) async throws {
    try await filled { service in
      let answer = await service.ask("GET", "/namespaces/demo/repos\(query)")
      #expect(answer.status == 200)
      #expect(answer.names == names)
      #expect(answer.items.allSatisfy { $0["status"] == .string("ready") && $0["remote"] != nil })
    }
  }

  @Test func `a list that fits on its page has the numbered form`() async throws {
    try await filled { service in
      let answer = await service.ask("GET", "/namespaces/demo/repos")
      let info = #""result_info":{"page":1,"per_page":50,"total_pages":1,"count":5,"total_count":5}}"#
      #expect(answer.text.hasSuffix(info))
      let exact = await service.ask("GET", "/namespaces/demo/repos?limit=5")
      #expect(exact.info?["cursor"] == nil)
    }
  }

  @Test func `a walk has cursors until its last page`() async throws {
    try await filled { service in
      let first = await service.ask("GET", "/namespaces/demo/repos?limit=2")
      #expect(first.names == ["copy-only", "copy"])
      #expect(first.info?.fieldNames == ["cursor", "per_page", "count"])
      let cursor = try #require(first.info?["cursor"]?.text)
      // A repo that goes away between two pages does not move the rest.
      _ = await service.ask("DELETE", "/namespaces/demo/repos/copy")
      let second = await service.ask("GET", "/namespaces/demo/repos?limit=2&cursor=\(cursor)")
      #expect(second.names == ["trunky", "frozen"])
      #expect(second.info?.fieldNames == ["cursor", "per_page", "count"])
      let next = try #require(second.info?["cursor"]?.text)
      let last = await service.ask("GET", "/namespaces/demo/repos?limit=2&cursor=\(next)")
      #expect(last.names == ["base"])
      #expect(last.info?.fieldNames == ["page", "per_page", "total_pages", "count", "total_count"])
    }
  }

  @Test(arguments: [
    ("limit=500", "/limit", "Too big: expected number to be <=200"),
    ("limit=0", "/limit", "Too small: expected number to be >0"),
    ("limit=-1", "/limit", "Too small: expected number to be >0"),
    ("limit=", "/limit", "Invalid input: expected number, received NaN"),
    ("limit=abc", "/limit", "Invalid input: expected number, received NaN"),
    ("limit=1.5", "/limit", "Invalid input: expected int, received number"),
    ("sort=size", "/sort", #"Invalid option: expected one of "created_at"|"updated_at"|"last_push_at"|"name""#),
    ("direction=up", "/direction", #"Invalid option: expected one of "asc"|"desc""#),
    ("cursor=%21%21", "/cursor", "Invalid cursor"), ("cursor=abcd", "/cursor", "Invalid cursor"),
  ])
  func `a bad parameter is refused`(query: String, pointer: String, message: String) async throws {
    try await TestService.with { service in
      let answer = await service.ask("GET", "/namespaces/demo/repos?\(query)")
      #expect((answer.status, answer.code, answer.pointer, answer.message) == (400, 10100, pointer, message))
    }
  }

  @Test func `a cursor of another order is refused`() async throws {
    try await filled { service in
      let cursor = try #require(await service.ask("GET", "/namespaces/demo/repos?limit=1").info?["cursor"]?.text)
      let answer = await service.ask("GET", "/namespaces/demo/repos?sort=name&cursor=\(cursor)")
      #expect((answer.status, answer.pointer) == (400, "/cursor"))
    }
  }
}
