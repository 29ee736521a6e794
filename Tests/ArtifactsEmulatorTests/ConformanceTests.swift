import ArtifactsEmulator
import Testing

/// What the service was recorded to answer, endpoint by endpoint, over the wire. One service takes all the rows in order.
@Suite struct ConformanceTests {
  private struct Row {
    let method: String
    /// Below `/namespaces`.
    let path: String
    var body = ""
    let status: Int
    var code: Int?
    var pointer: String?
    var message: String?
    /// A success's names of members, of the result or of each of its items.
    var members: [String]?

    static func good(_ status: Int, _ method: String, _ path: String, _ body: String = "", _ members: String = "")
      -> Row
    {
      Row(
        method: method, path: path, body: body, status: status, members: members.split(separator: " ").map(String.init))
    }

    static func bad(
      _ status: Int, _ code: Int, _ pointer: String?, _ message: String, _ method: String, _ path: String,
      _ body: String = ""
    ) -> Row {
      Row(method: method, path: path, body: body, status: status, code: code, pointer: pointer, message: message)
    }
  }

  private static let repo =
    "id name description default_branch created_at updated_at last_push_at source read_only remote"
  private static let created = "id name description default_branch remote token"
  private static let namespace = "namespace jurisdiction repo_count created_at updated_at"
  private static let nameRule = "Invalid repo name: must match /^[a-zA-Z0-9][a-zA-Z0-9._-]*$/"
  private static let noRepo = "Repository not found"
  private static let zero = String(repeating: "0", count: 40)

  private static let rows: [Row] = [
    // 1
    .good(201, "POST", "", #"{"namespace":"eu-one","jurisdiction":"eu"}"#, namespace),
    .bad(409, 10201, nil, "Namespace already exists", "POST", "", #"{"namespace":"eu-one"}"#),
    .bad(400, 10100, "/namespace", "Invalid namespace name", "POST", "", #"{"namespace":"x"}"#),
    // 2, 3, 4
    .good(200, "GET", "?limit=10", "", namespace), .good(200, "GET", "/eu-one", "", namespace),
    .bad(404, 10200, nil, "Namespace not found", "GET", "/none"),
    .bad(404, 10200, nil, "Namespace not found", "DELETE", "/none"),
    .bad(400, 10100, "/namespace", "Invalid namespace name", "GET", "/-x"),
    // 5: the namespace appears on its first use, but not by a failed one.
    .bad(400, 10101, "/name", nameRule, "POST", "/demo/repos", "{}"),
    .bad(404, 10200, nil, "Namespace not found", "GET", "/demo"),
    .good(201, "POST", "/demo/repos", #"{"name":"base","description":"d","read_only":true}"#, created),
    .bad(409, 10201, nil, "repo already exists: base", "POST", "/demo/repos", #"{"name":"base"}"#),
    .good(200, "GET", "/demo", "", namespace),
    // 6
    .good(200, "GET", "/demo/repos", "", repo + " status"), .good(200, "GET", "/demo/repos?limit=200&search=as"),
    .good(200, "GET", "/nowhere/repos"), .good(200, "GET", "/demo/repos?sort=name&direction=asc"),
    .good(200, "GET", "/demo/repos?sort=updated_at"), .good(200, "GET", "/demo/repos?sort=last_push_at"),
    .bad(400, 10100, "/limit", "Too big: expected number to be <=200", "GET", "/demo/repos?limit=500"),
    .bad(
      400, 10100, "/sort", #"Invalid option: expected one of "created_at"|"updated_at"|"last_push_at"|"name""#, "GET",
      "/demo/repos?sort=size"),
    // 7
    .good(200, "GET", "/demo/repos/base", "", repo), .bad(404, 10200, nil, noRepo, "GET", "/demo/repos/none"),
    .bad(404, 10200, nil, noRepo, "GET", "/nowhere/repos/base"),
    // 9
    .good(
      201, "POST", "/demo/repos/base/fork", #"{"name":"fork","default_branch_only":true}"#, created + " objects"),
    .bad(409, 10201, nil, "repo already exists: fork", "POST", "/demo/repos/base/fork", #"{"name":"fork"}"#),
    .bad(404, 10200, nil, noRepo, "POST", "/demo/repos/none/fork", #"{"name":"other"}"#),
    .bad(400, 10101, "/name", nameRule, "POST", "/demo/repos/base/fork", "{}"),
    // 10
    .bad(400, 10100, "/url", "Must be an HTTPS URL", "POST", "/demo/repos/i/import", #"{"url":"http://a.example/x"}"#),
    .bad(
      400, 10104, "/url", "url must be an HTTPS git remote URL (e.g. https://github.com/owner/repo)", "POST",
      "/demo/repos/i/import", #"{"url":"https://example.com"}"#),
    .bad(
      400, 10100, "/url", "Invalid input: expected string, received undefined", "POST", "/demo/repos/i/import", "{}"),
    .bad(404, 10200, nil, noRepo, "GET", "/demo/repos/i"),
    // 11 to 16, on a repo without commits
    .good(200, "GET", "/demo/repos/base/log"), .good(200, "GET", "/demo/repos/base/log?ref=none&limit=5000"),
    .bad(400, 10100, "/limit", "Too small: expected number to be >0", "GET", "/demo/repos/base/log?limit=0"),
    .bad(404, 10200, nil, noRepo, "GET", "/demo/repos/none/log"),
    .bad(400, 10100, "/hash", "Invalid SHA-1 hash", "GET", "/demo/repos/base/commit/xyz"),
    .bad(404, 10200, nil, "Commit not found", "GET", "/demo/repos/base/commit/\(zero)"),
    .bad(400, 10100, "/hash", "Invalid SHA-1 hash", "GET", "/demo/repos/base/tree/\(zero.uppercased())A"),
    .bad(404, 10200, nil, "Tree not found", "GET", "/demo/repos/base/tree/\(zero)"),
    .bad(404, 10200, nil, "Blob not found", "GET", "/demo/repos/base/blob/\(zero)"),
    .bad(404, 10200, nil, "File not found", "GET", "/demo/repos/base/file?ref=main&path=a"),
    .bad(
      400, 10100, "/path", "Invalid input: expected string, received undefined", "GET",
      "/demo/repos/base/file?ref=main"),
    .bad(404, 10200, nil, "File not found", "GET", "/demo/repos/base/raw/main/a/b"),
    // 17
    .good(200, "GET", "/demo/repos/base/tokens?state=all&per_page=100", "", "id scope state created_at expires_at"),
    .bad(404, 10200, nil, noRepo, "GET", "/demo/repos/none/tokens"),
    // 18
    .good(201, "POST", "/demo/tokens", #"{"repo":"base"}"#, "id plaintext scope expires_at"),
    .bad(404, 10200, nil, noRepo, "POST", "/demo/tokens", #"{"repo":"none"}"#),
    .bad(
      400, 10103, "/ttl", "ttl must be between 60 and 31536000 seconds", "POST", "/demo/tokens",
      #"{"repo":"base","ttl":99999999}"#),
    // 19
    .bad(404, 10200, nil, "Token not found", "DELETE", "/demo/tokens/0123456789abcdef"),
    // 8 and 4
    .good(202, "DELETE", "/demo/repos/base", "", "id"), .good(202, "DELETE", "/demo/repos/base", "", "id"),
    .bad(404, 10200, nil, noRepo, "DELETE", "/demo/repos/never"),
    .bad(404, 10200, nil, noRepo, "GET", "/demo/repos/base"),
    // The fork has survived.
    .good(200, "GET", "/demo/repos/fork", "", repo), .good(204, "DELETE", "/demo"),
    .bad(404, 10200, nil, "Namespace not found", "GET", "/demo"),
  ]

  @Test func `each endpoint answers as recorded`() async throws {
    try await RunningEmulator.with { server in
      for row in Self.rows {
        let answer = try await ask(server, row)
        let place = "\(row.method) \(row.path) \(row.body): \(answer)"
        #expect(answer.status == row.status, "\(place)")
        guard row.status != 204 else {
          #expect(answer.body.isEmpty && answer.field("content-type") == nil, "\(place)")
          continue
        }
        #expect(answer.field("content-type") == "application/json", "\(place)")
        if let code = row.code {
          #expect((answer.code, answer.pointer, answer.message) == (code, row.pointer, row.message), "\(place)")
          let page = "https://developers.cloudflare.com/artifacts/api/errors#\(code)"
          #expect(answer.text.contains("\"documentation_url\":\"\(page)\""), "\(place)")
          #expect(answer.text.hasPrefix(#"{"result":null,"success":false,"errors":[{"code":"#), "\(place)")
        } else {
          #expect(answer.text.contains(#","success":true,"errors":[],"messages":[]"#), "\(place)")
          guard let members = row.members, !members.isEmpty, let result = answer.json?["result"] else { continue }
          let objects = if case .array(let items) = result { items } else { [result] }
          #expect(!objects.isEmpty && objects.allSatisfy { $0.fieldNames == Set(members) }, "\(place)")
          let places = members.map { answer.text.firstRange(of: "\"\($0)\":")?.lowerBound ?? answer.text.endIndex }
          #expect(places == places.sorted(), "\(place)")
        }
      }
    }
  }

  @Test func `no endpoint answers without the API token`() async throws {
    try await RunningEmulator.with { server in
      for row in Self.rows {
        let target = "/client/v4\(TestService.root)/namespaces\(row.path)"
        for fields in [[], ["Authorization: Bearer art_v2_x_0"]] {
          let answer = try await server.ask(row.method, target, fields, Array(row.body.utf8))
          #expect((answer.status, answer.code, answer.message) == (401, 10000, "Authentication error"), "\(row)")
        }
      }
    }
  }

  @Test(arguments: [
    ("PUT", "/demo/repos/base"), ("PATCH", "/demo"), ("POST", "/demo/repos/base/tokens"), ("GET", "/demo/refs"),
    ("GET", "/demo/repos/base/branches"), ("GET", "/demo/repos/base/raw/main"), ("GET", "/demo/repos/base/commit"),
    ("DELETE", "/demo/tokens"), ("GET", "/demo/tokens/x"), ("POST", "/demo"), ("GET", "//repos"),
  ])
  func `an unknown route is plain text`(method: String, path: String) async throws {
    try await RunningEmulator.with { server in
      let answer = try await ask(server, Row(method: method, path: path, status: 404))
      #expect((answer.status, answer.text) == (404, "404 Not Found"))
      #expect(answer.field("content-type") == "text/plain; charset=UTF-8")
    }
  }

  private func ask(_ server: RunningEmulator, _ row: Row) async throws -> RawAnswer {
    try await server.ask(
      row.method, "/client/v4\(TestService.root)/namespaces\(row.path)",
      ["Authorization: Bearer \(TestService.token)", "Content-Type: application/json"], Array(row.body.utf8))
  }
}
