import ArtifactsEmulator
import Testing

@Suite struct NamespaceTests {
  @Test func `a namespace is created, read, listed and deleted`() async throws {
    try await TestService.with { service in
      let created = await service.ask("POST", "/namespaces", #"{"namespace":"demo","jurisdiction":"eu"}"#)
      #expect(created.status == 201)
      #expect(created.result?["namespace"] == .string("demo"))
      #expect(created.result?["jurisdiction"] == .string("eu"))
      #expect(created.result?["repo_count"] == .integer(0))
      #expect(created.result?.fieldNames == ["namespace", "jurisdiction", "repo_count", "created_at", "updated_at"])
      let read = await service.ask("GET", "/namespaces/demo")
      #expect(read.status == 200)
      #expect(read.result?["created_at"] == created.result?["created_at"])
      #expect(await service.ask("GET", "/namespaces").items.count == 1)
      let deleted = await service.ask("DELETE", "/namespaces/demo")
      #expect((deleted.status, deleted.contentType, deleted.text) == (204, nil, ""))
      let gone = await service.ask("GET", "/namespaces/demo")
      #expect((gone.status, gone.code, gone.message) == (404, 10200, "Namespace not found"))
      #expect(await service.ask("DELETE", "/namespaces/demo").status == 404)
    }
  }

  @Test func `a second namespace of the same name is refused`() async throws {
    try await TestService.with { service in
      _ = await service.ask("POST", "/namespaces", #"{"namespace":"demo"}"#)
      let again = await service.ask("POST", "/namespaces", #"{"namespace":"demo"}"#)
      #expect((again.status, again.code, again.message) == (409, 10201, "Namespace already exists"))
      #expect(again.pointer == nil)
    }
  }

  @Test(arguments: [
    #"{"namespace":"-x"}"#, #"{"namespace":"x"}"#, #"{"namespace":".."}"#, #"{"namespace":"a/b"}"#, #"{"namespace":7}"#,
    "{}",
    #"{"namespace":"\#(String(repeating: "n", count: 64))"}"#, #"{"namespace":"né"}"#,
  ])
  func `a bad namespace name is refused`(body: String) async throws {
    try await TestService.with { service in
      let answer = await service.ask("POST", "/namespaces", body)
      #expect((answer.status, answer.code, answer.pointer) == (400, 10100, "/namespace"))
      #expect(answer.message == "Invalid namespace name")
    }
  }

  @Test(arguments: [#""mars""#, #""unrestricted""#, "1", "null"])
  func `a jurisdiction is eu or us`(value: String) async throws {
    try await TestService.with { service in
      let answer = await service.ask("POST", "/namespaces", #"{"namespace":"demo","jurisdiction":\#(value)}"#)
      #expect((answer.status, answer.code, answer.pointer) == (400, 10100, "/jurisdiction"))
      #expect(answer.message == #"Invalid option: expected one of "eu"|"us""#)
    }
  }

  @Test func `a namespace appears with its first repo and counts its repos`() async throws {
    try await TestService.with { service in
      _ = await service.ask("POST", "/namespaces/fresh/repos", #"{"name":"a"}"#)
      _ = await service.ask("POST", "/namespaces/fresh/repos", #"{"name":"b"}"#)
      let read = await service.ask("GET", "/namespaces/fresh")
      #expect(read.result?["repo_count"] == .integer(2))
      #expect(read.result?["jurisdiction"] == .string("unrestricted"))
    }
  }

  @Test func `deleting a namespace ends its repos and their tokens`() async throws {
    try await TestService.with { service in
      let created = await service.ask("POST", "/namespaces/demo/repos", #"{"name":"a"}"#)
      #expect(await service.ask("DELETE", "/namespaces/demo").status == 204)
      #expect(await service.ask("GET", "/namespaces/demo/repos/a").status == 404)
      let secret = try #require(created.result?["token"]?.text).prefix { $0 != "?" }
      #expect(await service.store.lookUp(secret: String(secret)) == nil)
    }
  }

  @Test func `namespaces are walked by cursor`() async throws {
    try await TestService.with { service in
      for name in ["n1", "n2", "n3"] { _ = await service.ask("POST", "/namespaces", #"{"namespace":"\#(name)"}"#) }
      let first = await service.ask("GET", "/namespaces?limit=2")
      #expect(first.items.compactMap { $0["namespace"]?.text } == ["n1", "n2"])
      let cursor = try #require(first.info?["cursor"]?.text)
      let last = await service.ask("GET", "/namespaces?limit=2&cursor=\(cursor)")
      #expect(last.items.compactMap { $0["namespace"]?.text } == ["n3"])
      #expect(last.info?["cursor"] == nil)
    }
  }
}
