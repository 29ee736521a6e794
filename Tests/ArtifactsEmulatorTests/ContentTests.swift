import ArtifactsEmulator
import Glibc
import Testing

/// What is in a repo, read over REST. Each test gets a repo `base` with branches, a tag and every kind of tree entry.
@Suite struct ContentTests {
  private struct Base {
    let server: RunningEmulator
    let first: String
    let second: String

    func get(_ path: String) async throws -> RawAnswer { try await server.api("GET", "/repos/base/\(path)") }

    func hash(_ name: String) async throws -> String {
      try await server.git(["-C", "work", "rev-parse", name]).trimmed
    }
  }

  private func withBase(_ body: (Base) async throws -> Void) async throws {
    try await RunningEmulator.with { server in
      let (remote, token) = try await server.createRepo("base")
      try await server.workTree("work")
      let work = server.folder + "/work"
      mkdir(work + "/src", 0o755)
      try write("a\n", to: work + "/src/a.txt")
      try write("#!/bin/sh\n", to: work + "/run")
      chmod(work + "/run", 0o755)
      symlink("run", work + "/link")
      try write("\u{0}\u{1}\u{2}", to: work + "/bin.dat")
      let first = try await server.git(["-C", "work", "rev-parse", "HEAD"]).trimmed
      try await server.git(["-C", "work", "add", "."])
      try await server.git(["-C", "work", "update-index", "--add", "--cacheinfo", "160000,\(first),module"])
      try await server.git(["-C", "work", "commit", "-q", "-m", "second", "-m", "body"])
      try await server.git(["-C", "work", "branch", "feature/x"])
      try await server.git(["-C", "work", "tag", "-a", "-m", "v1", "v1"])
      try await server.git(["-C", "work", "push", "-q", remote, "main", "feature/x", "v1"], token: token)
      let second = try await server.git(["-C", "work", "rev-parse", "HEAD"]).trimmed
      try await body(Base(server: server, first: first, second: second))
    }
  }

  @Test func `the log is told in camelCase, newest first`() async throws {
    try await withBase { base in
      let time = try await base.server.git(["-C", "work", "log", "-1", "--format=%at"]).trimmed
      let tree = try await base.hash("HEAD^{tree}")
      let commit =
        #"{"hash":"\#(base.second)","treeHash":"\#(tree)","message":"second\n\nbody","#
        + #""author":{"name":"Test","email":"test@localhost"},"committer":{"name":"Test","email":"test@localhost"},"#
        + #""parents":["\#(base.first)"],"authoredAt":\#(time),"committedAt":\#(time)}"#
      for path in ["log?ref=main&limit=10", "log", "log?ref=v1", "log?ref=\(base.second)", "log?limit=5000"] {
        let answer = try await base.get(path)
        #expect(answer.status == 200)
        #expect(answer.field("content-type") == "application/json")
        #expect(answer.text.hasPrefix(#"{"result":[\#(commit),{"hash":"\#(base.first)""#), "\(path)")
        #expect(answer.text.hasSuffix(#"],"success":true,"errors":[],"messages":[]}"#))
      }
      #expect(try await base.get("log?limit=1&offset=1").items.compactMap { $0["hash"]?.text } == [base.first])
      #expect(try await base.get("log?offset=99999999999").items.isEmpty)
      let one = try await base.get("commit/\(base.second)")
      #expect(one.text == #"{"result":\#(commit),"success":true,"errors":[],"messages":[]}"#)
    }
  }

  @Test func `the log walks first parents only`() async throws {
    try await withBase { base in
      let git = ["-C", "work", "-c", "advice.detachedHead=false"]
      try await base.server.git(git + ["checkout", "-q", "-b", "side", base.first])
      try await base.server.git(git + ["commit", "-q", "--allow-empty", "-m", "aside"])
      try await base.server.git(git + ["checkout", "-q", "main"])
      try await base.server.git(git + ["merge", "-q", "--no-ff", "-m", "merge", "side"])
      let token = try await base.server.createToken("base", scope: "write")
      try await base.server.git(
        git + ["push", "-q", base.server.emulator.baseURL + "/git/demo/base.git", "main"], token: token)
      let commits = try await base.get("log").items
      #expect(commits.compactMap { $0["message"]?.text } == ["merge", "second\n\nbody", "first"])
    }
  }

  @Test(arguments: ["nope", "HEAD", "refs/heads/main", "heads/main", "main~1", "main:src", "a..b", "-x", "%00"])
  func `a ref that the service does not know has no commits and no files`(ref: String) async throws {
    try await withBase { base in
      let log = try await base.get("log?ref=\(ref)")
      #expect((log.status, log.text) == (200, #"{"result":[],"success":true,"errors":[],"messages":[]}"#))
      let file = try await base.get("file?ref=\(ref)&path=README.md")
      #expect((file.status, file.code, file.message) == (404, 10200, "File not found"))
    }
  }

  @Test func `an empty repo has no log`() async throws {
    try await RunningEmulator.with { server in
      _ = try await server.createRepo("base")
      #expect(try await server.api("GET", "/repos/base/log").items.isEmpty)
    }
  }

  @Test func `a tree lists its children as recorded`() async throws {
    try await withBase { base in
      let answer = try await base.get("tree/\(try await base.hash("HEAD^{tree}"))")
      let told = answer.items.map { "\($0["mode"]?.text ?? "") \($0["type"]?.text ?? "") \($0["name"]?.text ?? "")" }
      #expect(
        told == [
          "100644 blob README.md", "100644 blob bin.dat", "120000 symlink link", "160000 gitlink module",
          "100755 exec run", "40000 tree src",
        ])
      let hash = try await base.hash("HEAD:src/a.txt")
      let source = try await base.get("tree/\(try await base.hash("HEAD:src"))")
      #expect(source.text.contains(#"[{"name":"a.txt","mode":"100644","hash":"\#(hash)","type":"blob"}]"#))
    }
  }

  @Test func `hashes of the wrong kind, missing or malformed are answered as recorded`() async throws {
    try await withBase { base in
      let missing = String(repeating: "0", count: 40)
      let tree = try await base.hash("HEAD^{tree}")
      for (path, status, code, message) in [
        ("commit/\(missing)", 404, 10200, "Commit not found"), ("commit/\(tree)", 404, 10200, "Commit not found"),
        ("tree/\(missing)", 404, 10200, "Tree not found"),
        ("tree/\(base.second)", 500, 10400, "A stored git object is corrupt."),
        ("blob/\(missing)", 404, 10200, "Blob not found"), ("blob/\(base.second)", 404, 10200, "Blob not found"),
      ] {
        let answer = try await base.get(path)
        #expect((answer.status, answer.code, answer.message) == (status, code, message), "\(path)")
      }
      for path in ["commit/XYZ", "tree/\(base.second.uppercased())", "blob/\(base.second)0"] {
        let answer = try await base.get(path)
        #expect((answer.status, answer.code, answer.message) == (400, 10100, "Invalid SHA-1 hash"), "\(path)")
        #expect(answer.pointer == "/hash")
      }
    }
  }

  @Test func `files and blobs come as they are`() async throws {
    try await withBase { base in
      let blob = try await base.get("blob/\(try await base.hash("HEAD:README.md"))")
      #expect((blob.status, blob.text) == (200, "# work\n"))
      #expect(blob.field("content-type") == "application/octet-stream")
      for (path, text, type) in [
        ("file?ref=main&path=README.md", "# work\n", "application/octet-stream"),
        ("file?ref=feature%2Fx&path=src%2Fa.txt", "a\n", "application/octet-stream"),
        ("file?ref=\(base.first)&path=README.md", "# work\n", "application/octet-stream"),
        ("raw/main/README.md", "# work\n", "text/plain; charset=utf-8"),
        ("raw/v1/src/a.txt", "a\n", "text/plain; charset=utf-8"),
        ("raw/main/bin.dat", "\u{0}\u{1}\u{2}", "application/octet-stream"),
      ] {
        let answer = try await base.get(path)
        #expect((answer.status, answer.text) == (200, text), "\(path)")
        #expect(answer.field("content-type") == type, "\(path)")
      }
    }
  }

  @Test(arguments: [
    "file?ref=main&path=nope", "file?ref=main&path=src", "file?ref=main&path=", "file?ref=main&path=.%2FREADME.md",
    "file?ref=main&path=src%2F..%2FREADME.md", "file?ref=main&path=a%0Ab", "file?ref=main&path=README.md%00",
    "raw/feature/x/src/a.txt", "raw/main/src", "raw/main/module",
  ])
  func `what is no file is not found`(path: String) async throws {
    try await withBase { base in
      let answer = try await base.get(path)
      #expect((answer.status, answer.code, answer.message) == (404, 10200, "File not found"))
    }
  }

  @Test(arguments: [
    ("file?ref=main", "/path", "Invalid input: expected string, received undefined"),
    ("file?path=README.md", "/ref", "Invalid input: expected string, received undefined"),
    ("log?limit=0", "/limit", "Too small: expected number to be >0"),
    ("log?limit=x", "/limit", "Invalid input: expected number, received NaN"),
    ("log?offset=-1", "/offset", "Too small: expected number to be >=0"),
  ])
  func `bad parameters are refused`(path: String, pointer: String, message: String) async throws {
    try await withBase { base in
      let answer = try await base.get(path)
      #expect((answer.status, answer.code, answer.pointer, answer.message) == (400, 10100, pointer, message))
    }
  }

  @Test func `reads want the API token and a repo`() async throws {
    try await RunningEmulator.with { server in
      let path = "/client/v4\(TestService.root)/namespaces/demo/repos/none/log"
      #expect(try await server.ask("GET", path).status == 401)
      let missing = try await server.api("GET", "/repos/none/log")
      #expect((missing.status, missing.code, missing.message) == (404, 10200, "Repository not found"))
      #expect(try await server.api("GET", "/repos/none/raw/main").status == 404)
      #expect(try await server.api("POST", "/repos/none/log", "{}").text == "404 Not Found")
    }
  }

  @Test func `a blob of thirty megabytes comes whole`() async throws {
    try await withBase { base in
      let name = "big.bin"
      let size = 30 << 20
      try await base.server.git(["-C", "work", "config", "core.compression", "0"])
      try write(String(repeating: "0123456789abcdef", count: size / 16), to: base.server.folder + "/work/" + name)
      try await base.server.git(["-C", "work", "add", name])
      try await base.server.git(["-C", "work", "commit", "-q", "-m", "big"])
      let token = try await base.server.createToken("base", scope: "write")
      try await base.server.git(
        ["-C", "work", "push", "-q", base.server.emulator.baseURL + "/git/demo/base.git", "main"], token: token)
      let answer = try await base.get("raw/main/\(name)")
      #expect(answer.status == 200)
      #expect(answer.field("content-length") == "\(size)")
      #expect(answer.body.count == size)
      #expect(answer.body.suffix(16).elementsEqual("0123456789abcdef".utf8))
    }
  }
}
