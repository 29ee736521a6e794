import GatewayTestSupport
import HTTPCore
import Testing

@Suite(.timeLimit(.minutes(5))) struct AdminTokenTests {
  @Test(arguments: [
    (#"{"scope":"read","ttl":"1h"}"#, #""ttl":3600"#), (#"{"scope":"write","ttl":90}"#, #""ttl":90"#),
    (#"{"ttl":"2d"}"#, #""ttl":172800"#), (#"{"ttl":"600"}"#, #""ttl":600"#),
    // Whole numbers, however they are written (JSON Schema 2020-12, section 4.2.3).
    (#"{"ttl":90.0}"#, #""ttl":90"#), (#"{"ttl":9e2}"#, #""ttl":900"#),
  ])
  func `a token is minted for the caller with its life`(body: String, sent: String) async throws {
    let api = ScriptedAPI()
    try await TestGateway.with(api: api) { test async throws in
      let answer = try await test.call("POST", "/repos/demo/tokens", body)
      #expect(answer.status == 201)
      struct Minted: Decodable { var id, plaintext, scope, expires_at: String }
      let minted = try answer.decoded(Minted.self)
      #expect(minted.plaintext == api.mints.first?.secret && minted.id == "token-0")
      let request = String(decoding: await test.apiServer.requests.first?.body ?? [], as: UTF8.self)
      #expect(request.contains(sent) && request.contains(#""repo":"demo""#))
      // It is the caller's: the gateway mints its own.
      _ = try await test.ask(.fetchRefs)
      #expect(api.mints.count == 2)
    }
  }

  @Test(
    arguments: [
      (#"{"ttl":59}"#, "/ttl", 10103), (#"{"ttl":"0s"}"#, "/ttl", 10103), (#"{"ttl":31536001}"#, "/ttl", 10103),
      (#"{"ttl":"366d"}"#, "/ttl", 10103), (#"{"ttl":"h"}"#, "/ttl", nil), (#"{"ttl":"-1h"}"#, "/ttl", nil),
      (#"{"ttl":1.5}"#, "/ttl", nil),
      (#"{"ttl":"99999999999999999999d"}"#, "/ttl", nil), (#"{"scope":"admin"}"#, "/scope", nil),
      (#"{"repo":"x"}"#, "/repo", nil),
    ] as [(String, String, Int?)])
  func `a life or scope that cannot be is refused`(body: String, pointer: String, code: Int?) async throws {
    try await TestGateway.with { test async throws in
      try expectProblem(
        try await test.call("POST", "/repos/demo/tokens", body), 400, pointer: pointer, code: code)
      #expect(await test.apiServer.requests.isEmpty)
    }
  }

  @Test func `tokens are listed with their numbers`() async throws {
    let api = ScriptedAPI()
    api.onOther { _ in
      .json(
        200,
        #"{"result":[{"id":"t1","scope":"read","state":"active"}],"success":true,"#
          + #""result_info":{"page":2,"per_page":1,"total_count":3,"total_pages":3}}"#)
    }
    try await TestGateway.with(api: api) { test async throws in
      let answer = try await test.call("GET", "/repos/demo/tokens?state=all&page=2&per_page=1")
      #expect(
        answer.text == #"{"page":2,"per_page":1,"tokens":[{"id":"t1","scope":"read","state":"active"}],"#
          + #""total_count":3,"total_pages":3}"# + "\n")
      #expect(await test.apiServer.requests.first?.target.hasSuffix("tokens?state=all&page=2&per_page=1") == true)
    }
  }

  @Test func `a token of the gateway that somebody revokes is not used again`() async throws {
    let api = ScriptedAPI()
    try await TestGateway.with(api: api) { test async throws in
      _ = try await test.ask(.fetchRefs)
      let answer = try await test.call("DELETE", "/tokens/token-0")
      #expect(answer.status == 200 && answer.text == #"{"id":"token-0"}"# + "\n")
      _ = try await test.ask(.fetchRefs)
      #expect(api.mints.count == 2)
      #expect(await test.upstream.requests.last?.authorization == "Bearer \(api.mints[1].secret)")
      api.onRevoke { ScriptedAPI.failure(404, 10200, "Token not found") }
      try expectProblem(try await test.call("DELETE", "/tokens/nobody"), 404, code: 10200)
    }
  }
}
