import ArtifactsAPI
import ArtifactsEmulator
import EventLoop
import FoundationEssentials
import Gateway
import GatewayTestSupport
import HTTPTransport
import Testing

/// The admin API against the embedded service, which answers as the live one was recorded to.
@Suite(.timeLimit(.minutes(5))) struct AdminEmulatorTests {
  private struct Setting {
    let gateway: Gateway
    let port: UInt16
    let loop: Loop

    func call(_ method: String, _ path: String, _ body: String? = nil, _ fields: [(String, String)] = []) async throws
      -> HTTPAnswer
    {
      let type = body == nil ? [] : [("Content-Type", "application/json")]
      let request = HTTPRequest(method, "/api/v1\(path)", type + fields, body: Array((body ?? "").utf8))
      return try await ask(request)
    }

    func ask(_ request: HTTPRequest) async throws -> HTTPAnswer {
      let connection = try await HTTPConnection.open(port: port, on: loop)
      try await connection.send(request.bytes)
      let answer = try await connection.receive()
      await connection.close()
      guard let answer else { throw TestFailure("no answer to \(request.method) \(request.target)") }
      return answer
    }
  }

  private func withGateway(_ body: (Setting) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "admin-\(UInt64.random(in: 0...UInt64.max))")
      .path()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let group = try TestLoops.take()
    let log = TestGateway.logger(nil)
    let emulator = try ArtifactsEmulator(
      configuration: .init(dataDirectory: folder, apiToken: "secret", logger: log.logger))
    try await emulator.start(on: group, listening: .v4(0x7f00_0001, port: 0))
    guard let base = OriginURL("\(emulator.baseURL)/client/v4") else { throw TestFailure("no URL") }
    var configuration = GatewayConfiguration(
      endpoint: APIEndpoint(base: base, accountID: "local", token: { Secret("secret") }))
    configuration.allowedRemoteHosts = ["127.0.0.1"]
    configuration.allowsInsecureUpstream = true
    configuration.createsOnPush = true
    let gateway = try Gateway(configuration, on: group, log: log)
    guard let port = try await gateway.listen(on: .v4(0x7f00_0001, port: 0)).port else { throw TestFailure("no port") }
    let result: Result<Void, any Error>
    do {
      result = .success(try await body(Setting(gateway: gateway, port: port, loop: group.loops[0])))
    } catch {
      result = .failure(error)
    }
    _ = await gateway.drain(timeout: .zero)
    await emulator.shutdown()
    TestLoops.give(group)
    try result.get()
  }

  @Test func `repos, tokens and namespaces come and go`() async throws {
    try await withGateway { test async throws in
      #expect(try await test.call("POST", "/namespaces", #"{"namespace":"team"}"#).status == 201)
      #expect(try await test.call("GET", "/namespaces/team").text.contains(#""namespace":"team""#))
      let path = "/namespaces/team/repos"
      #expect(try await test.call("PUT", "\(path)/demo", #"{"description":"first"}"#).status == 201)
      #expect(try await test.call("PUT", "\(path)/demo").status == 200)
      try expectProblem(try await test.call("POST", path, #"{"name":"demo"}"#), 409, code: 10201)
      #expect(try await test.call("GET", "\(path)/demo").text.contains(#""description":"first""#))
      struct Minted: Decodable { var id: String }
      let minted = try await test.call("POST", "\(path)/demo/tokens", #"{"scope":"read","ttl":"1h"}"#)
      let id = try minted.decoded(Minted.self).id
      #expect(try await test.call("GET", "\(path)/demo/tokens?state=all").text.contains(id))
      for _ in 0..<2 { #expect(try await test.call("DELETE", "/namespaces/team/tokens/\(id)").status == 200) }
      #expect(try await test.call("DELETE", "\(path)/demo").status == 202)
      try expectProblem(try await test.call("GET", "\(path)/demo"), 404, code: 10200)
      #expect(try await test.call("DELETE", "/namespaces/team").status == 204)
    }
  }

  @Test func `the pages of the service end up in one stream`() async throws {
    try await withGateway { test async throws in
      for number in 0..<25 {
        #expect(try await test.call("POST", "/repos", #"{"name":"r\#(number)"}"#).status == 201)
      }
      let answer = try await test.call("GET", "/repos?limit=10&sort=name", nil, [("Accept", "application/x-ndjson")])
      #expect(answer.isWhole)
      #expect(Set(answer.text.split(separator: "\n")).count == 25)
    }
  }

  @Test func `pushes are refused by the flag, and create what is missing`() async throws {
    try await withGateway { test async throws in
      #expect(try await test.call("PUT", "/repos/fixed", #"{"read_only":true}"#).status == 201)
      let refused = try await test.ask(GitOperation.pushRefs.request("fixed"))
      #expect(refused.status == 403 && refused.field("x-artifacts-gateway-error") == "read_only")
      #expect(try await test.ask(GitOperation.fetchRefs.request("fixed")).status == 200)
      #expect(try await test.ask(GitOperation.pushRefs.request("fresh")).status == 200)
      #expect(try await test.call("GET", "/repos/fresh").status == 200)
      // Made anew without the flag, it takes pushes at once.
      #expect(try await test.call("DELETE", "/repos/fixed").status == 202)
      #expect(try await test.call("PUT", "/repos/fixed").status == 201)
      #expect(try await test.ask(GitOperation.pushRefs.request("fixed")).status == 200)
    }
  }
}
