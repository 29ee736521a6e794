import ArtifactsEmulator
import Testing

@Suite struct RepoTests {
  @Test func `a created repo is told as recorded`() async throws {
    try await TestService.with { service in
      let body = #"{"name":"base","description":"probe","default_branch":"trunk","read_only":true}"#
      let created = await service.ask("POST", "/namespaces/demo/repos", body)
      #expect(created.status == 201)
      #expect(created.result?.fieldNames == ["id", "name", "description", "default_branch", "remote", "token"])
      #expect(created.result?["remote"] == .string("http://127.0.0.1:9/git/demo/base.git"))
      let id = try #require(created.result?["id"]?.text)
      #expect(id.wholeMatch(of: /[0-9a-z]{16}/) != nil)
      let token = try #require(created.result?["token"]?.text)
      let expiry = service.clock.now.seconds + 86_400
      #expect(token.wholeMatch(of: /art_v2_x_[0-9a-f]{40}\?expires=([0-9]+)/)?.1 == "\(expiry)")
      let read = await service.ask("GET", "/namespaces/demo/repos/base")
      #expect(read.status == 200)
      let members = [
        #""id":"\#(id)""#, #""name":"base""#, #""description":"probe""#, #""default_branch":"trunk""#,
        #""created_at":"\#(service.clock.now.advanced(byMilliseconds: 1))""#,
        #""updated_at":"\#(service.clock.now.advanced(byMilliseconds: 1))""#, #""last_push_at":null"#,
        #""source":null"#,
        #""read_only":true"#, #""remote":"http://127.0.0.1:9/git/demo/base.git""#,
      ]
      #expect(read.text.contains("{\"result\":{\(members.joined(separator: ","))},"))
    }
  }

  @Test func `the token of an eu namespace says so`() async throws {
    try await TestService.with { service in
      _ = await service.ask("POST", "/namespaces", #"{"namespace":"demo","jurisdiction":"eu"}"#)
      let created = await service.ask("POST", "/namespaces/demo/repos", #"{"name":"a"}"#)
      #expect(created.result?["token"]?.text?.hasPrefix("art_v2_e_") == true)
      #expect(created.result?["description"] == .null)
      #expect(created.result?["default_branch"] == .string("main"))
    }
  }

  @Test(arguments: [
    #"{"name":"-bad"}"#, "{}", #"{"name":null}"#, #"{"name":3}"#, #"{"name":""}"#, #"{"name":"a b"}"#,
    #"{"name":"a/b"}"#,
    #"{"name":".git"}"#, #"{"name":"\#(String(repeating: "n", count: 256))"}"#,
  ])
  func `a bad repo name is refused`(body: String) async throws {
    try await TestService.with { service in
      let answer = await service.ask("POST", "/namespaces/demo/repos", body)
      #expect((answer.status, answer.code, answer.pointer) == (400, 10101, "/name"))
      #expect(answer.message == "Invalid repo name: must match /^[a-zA-Z0-9][a-zA-Z0-9._-]*$/")
    }
  }

  @Test(arguments: [
    (#""description":1"#, "/description", "Invalid input: expected string, received number"),
    (#""description":null"#, "/description", "Invalid input: expected string, received null"),
    (#""default_branch":[]"#, "/default_branch", "Invalid input: expected string, received array"),
    (#""default_branch":"a..b""#, "/default_branch", "Invalid branch name"),
    (#""default_branch":"x\ny""#, "/default_branch", "Invalid branch name"),
    (#""read_only":"yes""#, "/read_only", "Invalid input: expected boolean, received string"),
    (#""read_only":1"#, "/read_only", "Invalid input: expected boolean, received number"),
  ])
  func `a field of the wrong kind is refused`(field: String, pointer: String, message: String) async throws {
    try await TestService.with { service in
      let answer = await service.ask("POST", "/namespaces/demo/repos", #"{"name":"a",\#(field)}"#)
      #expect((answer.status, answer.code, answer.pointer, answer.message) == (400, 10100, pointer, message))
      #expect(await service.ask("GET", "/namespaces/demo").status == 404)
    }
  }

  @Test(arguments: ["a", "A1", "a.b-c_d", "x.git", "9"])
  func `a good repo name is taken`(name: String) async throws {
    try await TestService.with { service in
      #expect(await service.ask("POST", "/namespaces/demo/repos", #"{"name":"\#(name)","extra":1}"#).status == 201)
      #expect(await service.ask("GET", "/namespaces/demo/repos/\(name)").status == 200)
    }
  }

  @Test func `names in paths are checked and decoded`() async throws {
    try await TestService.with { service in
      let namespace = await service.ask("POST", "/namespaces/-x/repos", #"{"name":"a"}"#)
      #expect((namespace.status, namespace.code, namespace.pointer) == (400, 10100, "/namespace"))
      let repo = await service.ask("GET", "/namespaces/demo/repos/..%2F..")
      #expect((repo.status, repo.code, repo.pointer) == (400, 10101, "/name"))
      _ = await service.ask("POST", "/namespaces/demo/repos", #"{"name":"abc"}"#)
      #expect(await service.ask("GET", "/namespaces/d%65mo/repos/a%62c").status == 200)
    }
  }

  @Test func `a second repo of the same name is refused`() async throws {
    try await TestService.with { service in
      _ = await service.ask("POST", "/namespaces/demo/repos", #"{"name":"base"}"#)
      let again = await service.ask("POST", "/namespaces/demo/repos", #"{"name":"base"}"#)
      #expect((again.status, again.code, again.message) == (409, 10201, "repo already exists: base"))
      #expect(await service.ask("POST", "/namespaces/other/repos", #"{"name":"base"}"#).status == 201)
    }
  }

  @Test func `a repo that is not there is not found`() async throws {
    try await TestService.with { service in
      let read = await service.ask("GET", "/namespaces/demo/repos/none")
      #expect((read.status, read.code, read.message) == (404, 10200, "Repository not found"))
      #expect(await service.ask("DELETE", "/namespaces/demo/repos/never-was").status == 404)
    }
  }

  @Test func `deleting twice gives the same answer, until the name lives again`() async throws {
    try await TestService.with { service in
      let first = await service.ask("POST", "/namespaces/demo/repos", #"{"name":"a"}"#)
      let deleted = await service.ask("DELETE", "/namespaces/demo/repos/a")
      #expect(deleted.status == 202)
      let id = try #require(first.result?["id"])
      #expect(deleted.result == .object([.init(name: "id", value: id)]))
      #expect(await service.ask("GET", "/namespaces/demo/repos/a").status == 404)
      let again = await service.ask("DELETE", "/namespaces/demo/repos/a")
      #expect((again.status, again.text) == (202, deleted.text))
      let second = await service.ask("POST", "/namespaces/demo/repos", #"{"name":"a"}"#)
      #expect(second.status == 201)
      #expect(second.result?["id"] != first.result?["id"])
      #expect(await service.ask("DELETE", "/namespaces/demo/repos/a").result?["id"] == second.result?["id"])
    }
  }
}

extension Timestamp {
  func advanced(byMilliseconds count: Int64) -> Timestamp { Timestamp(milliseconds: milliseconds + count) }
}
