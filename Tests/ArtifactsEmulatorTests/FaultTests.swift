import ArtifactsEmulator
import Testing

@Suite struct FaultTests {
  @Test(arguments: [
    ("latency=250", "latency=250"), ("status=429;retry-after=3", "status=429;retry-after=3"),
    ("status=503;count=2;target=api", "status=503;target=api;count=2"), ("garbage", "garbage"), ("html", "html=502"),
    ("html=503;target=refs,upload-pack", "html=503;target=refs,upload-pack"), ("first-byte=10", "first-byte=10"),
    ("cut=1000;target=upload-pack", "cut=1000;target=upload-pack"), ("expire-tokens", "expire-tokens;count=1"),
    ("expire-tokens;count=3", "expire-tokens;count=3"),
  ])
  func `a specification is read, and told in one form`(text: String, told: String) throws {
    #expect("\(try Fault(parsing: text))" == told)
  }

  @Test(arguments: [
    ("", "expected latency=MS"), ("nonsense", "expected latency=MS"), ("latency", "latency must be a whole number"),
    ("latency=-1", "latency must be a whole number from 0 to 600000"), ("latency=1.5", "whole number"),
    ("status=200", "status must be a whole number from 400 to 599"), ("status=600", "400 to 599"),
    ("cut=99999999999999999999", "cut must be"), ("garbage=1", "expected latency=MS"),
    ("latency=1;retry-after=2", #""retry-after" does not go with "latency""#), ("status=503;count=0", "count must be"),
    ("status=503;target=git", #"target "git" is not one of api, refs, upload-pack, receive-pack"#),
    ("status=503;", #""" does not go with "status""#), ("status=503;target", #"target "" is not"#),
  ])
  func `a bad specification says what is wrong`(text: String, message: String) {
    let error = #expect(throws: FaultError.self) { try Fault(parsing: text) }
    #expect(error?.description.hasPrefix("fault \"\(text)\": ") == true)
    #expect(error?.description.contains(message) == true, "\(String(describing: error))")
  }

  @Test func `a status comes as often as asked, in the envelope of the API`() async throws {
    try await RunningEmulator.with(faults: ["status=429;retry-after=7;count=2;target=api"]) { server in
      for _ in 1...2 {
        let answer = try await server.api("GET", "/repos")
        #expect((answer.status, answer.field("retry-after")) == (429, "7"))
        #expect(answer.json?["success"] == .bool(false))
      }
      #expect(try await server.api("GET", "/repos").status == 200)
      #expect(server.emulator.faults.all.isEmpty)
    }
  }

  @Test func `garbage and error pages are no envelopes`() async throws {
    try await RunningEmulator.with(faults: ["garbage;count=1", "html=503;count=1"]) { server in
      let garbage = try await server.api("GET", "/repos")
      #expect((garbage.status, garbage.field("content-type")) == (200, "application/json"))
      #expect(garbage.json == nil)
      let page = try await server.api("GET", "/repos")
      #expect((page.status, page.field("content-type")) == (503, "text/html; charset=UTF-8"))
    }
  }

  @Test(arguments: ["latency=60", "first-byte=60"])
  func `a delay delays, and changes nothing else`(fault: String) async throws {
    try await RunningEmulator.with { server in
      let clock = ContinuousClock()
      let expected = try await server.api("GET", "/repos")
      #expect(server.emulator.faults.add(try Fault(parsing: fault)) == 1)
      let start = clock.now
      let answer = try await server.api("GET", "/repos")
      #expect(clock.now - start >= .milliseconds(60))
      #expect(answer.text == expected.text)
    }
  }

  @Test func `targets are told apart, and git shows what it got`() async throws {
    try await RunningEmulator.with { server in
      let (remote, token) = try await server.createRepo("base")
      try await server.workTree("work")
      let push = ["-C", "work", "push", "-q", remote, "main"]
      for (fault, word) in [
        ("status=503;target=receive-pack;count=1", "503"), ("status=500;target=refs;count=1", "500"),
        ("cut=10;target=receive-pack;count=1", "the remote end hung up unexpectedly"),
      ] {
        _ = server.emulator.faults.add(try Fault(parsing: fault))
        #expect(try await server.git(["-C", "work", "commit", "-q", "--allow-empty", "-m", "more"]).isEmpty)
        let said = try await server.git(push, token: token, failing: true)
        #expect(said.contains(word), "\(fault): \(said)")
      }
      try await server.git(push, token: token)
      _ = server.emulator.faults.add(try Fault(parsing: "cut=300;target=upload-pack"))
      let said = try await server.git(["clone", "-q", remote, "copy"], token: token, failing: true)
      #expect(said.contains("fatal: "))
      server.emulator.faults.removeAll()
      try await server.git(["clone", "-q", remote, "copy"], token: token)
    }
  }

  @Test func `tokens expire when they are told to`() async throws {
    try await RunningEmulator.with { server in
      let (remote, token) = try await server.createRepo("base")
      #expect(try await server.git(["ls-remote", remote], token: token) == "")
      _ = server.emulator.faults.add(try Fault(parsing: "expire-tokens;target=refs"))
      let said = try await server.git(["ls-remote", remote], token: token, failing: true)
      #expect(said.contains("remote: Invalid or expired token"))
      #expect(try await server.api("GET", "/repos/base/tokens").items.isEmpty)
      #expect(try await server.api("GET", "/repos/base/tokens?state=expired").items.count == 1)
      let fresh = try await server.createToken("base", scope: "read")
      #expect(try await server.git(["ls-remote", remote], token: fresh) == "")
    }
  }

  @Test func `faults are listed, added and taken away over HTTP, whatever goes wrong`() async throws {
    try await RunningEmulator.with(faults: ["status=500"]) { server in
      func ask(_ method: String, _ path: String = "", _ body: String = "") async throws -> RawAnswer {
        try await server.ask(
          method, "/emulator/faults" + path,
          ["Authorization: Bearer \(TestService.token)", "Content-Type: application/json"], Array(body.utf8))
      }
      #expect(try await server.ask("GET", "/emulator/faults").status == 401)
      let added = try await ask("POST", "", #"{"spec":"html;count=4"}"#)
      #expect(added.status == 201)
      #expect(added.text.hasPrefix(#"{"result":{"id":2,"spec":"html=502;count=4","remaining":4}"#))
      let bad = try await ask("POST", "", #"{"spec":"status=1"}"#)
      #expect((bad.status, bad.code, bad.pointer) == (400, 10100, "/spec"))
      #expect(try await ask("GET").items.compactMap { $0["id"]?.count } == [1, 2])
      #expect(try await ask("DELETE", "/1").status == 204)
      #expect(try await ask("DELETE", "/1").status == 404)
      #expect(try await server.api("GET", "/repos").status == 502)
      #expect(try await ask("DELETE").status == 204)
      #expect(try await server.api("GET", "/repos").status == 200)
      #expect(try await ask("PUT").text == "404 Not Found")
    }
  }
}
