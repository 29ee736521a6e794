import GitProtocol
import Testing

private let threeID = String(repeating: "3", count: 40)
private let longID = String(repeating: "4c", count: 32)
private let capabilities = ["agent=git/2.39.5", "object-format=sha1"]
private let clone = ["thin-pack", "ofs-delta", "want \(twoID)", "want \(oneID)", "done"]

private func command(
  _ name: String, _ capabilities: [String], _ arguments: [String]
) throws -> CommandRequest {
  let body =
    packet("command=\(name)") + capabilities.flatMap(packet) + PktLine.delimiter + arguments.flatMap(packet)
    + PktLine.flush
  return try CommandRequest(parsing: body, coding: .identity)
}

private func fetch(_ capabilities: [String], _ arguments: [String]) throws -> FetchRequest? {
  FetchRequest(try command("fetch", capabilities, arguments))
}

private func key(_ arguments: [String], _ names: [String] = capabilities) throws -> [UInt8] {
  try #require(try fetch(names, arguments), "\(arguments)").canonicalBytes
}

@Suite struct FetchRequestTests {
  @Test func `A fetch tells what it asks for, sorted and each id once`() throws {
    let arguments = ["want \(twoID)\n", "want \(oneID)", "want \(twoID)", "have \(threeID)", "have \(oneID)"]
    let request = try #require(try fetch(capabilities, arguments))
    #expect(request.wants.map(text) == [oneID, twoID])
    #expect(request.haves.map(text) == [oneID, threeID])
    #expect(!request.isDone)
    #expect(!request.isWithoutProgress)
    #expect(request.objectFormat == .sha1)
    let quiet = try #require(try fetch([], ["no-progress", "want \(oneID)", "done"]))
    #expect(quiet.isDone)
    #expect(quiet.isWithoutProgress)
    #expect(quiet.objectFormat == .sha1)
    #expect(quiet.haves.isEmpty)
  }

  @Test func `Ids have the length of their object format`() throws {
    let request = try #require(try fetch(["object-format=sha256"], ["want \(longID)"]))
    #expect(request.objectFormat == .sha256)
    #expect(request.wants.map(text) == [longID])
    #expect(try fetch(["object-format=sha256"], ["want \(oneID)"]) == nil)
    #expect(try fetch([], ["want \(longID)"]) == nil)
  }

  @Test func `The key is readable as pkt-lines`() throws {
    let lines =
      packet("done") + packet("ofs-delta") + packet("thin-pack") + packet("want \(oneID)") + packet("want \(twoID)")
    #expect(
      try key(clone) == packet("version 2\n") + packet("object-format=sha1\n") + PktLine.delimiter + lines
        + PktLine.flush)
  }

  @Test(arguments: [
    (clone, ["agent=other/1", "session-id=abc", "object-format=sha1"]), (clone, []),
    (clone.reversed(), capabilities), (clone + ["no-progress"], capabilities), (clone + clone, capabilities),
    (clone.map { $0 + "\n" }, capabilities),
  ])
  func `What does not change the answer does not change the key`(
    arguments: [String], capabilities: [String]
  ) throws {
    #expect(try key(arguments, capabilities) == key(clone))
  }

  @Test func `Whatever changes the answer changes the key`() throws {
    let requests = [
      clone, Array(clone.dropFirst()), Array(clone.dropLast()), clone + ["want \(threeID)"],
      clone + ["have \(threeID)"],
      clone + ["shallow \(threeID)"], clone + ["include-tag"], clone + ["sideband-all"], clone + ["deepen 1"],
      clone + ["deepen 2"],
      clone + ["deepen 1", "deepen-relative"], clone + ["deepen-since 1"], clone + ["filter blob:none"],
      clone + ["filter tree:0"], clone + ["filter blob:limit=1k"], clone.filter { $0 != "ofs-delta" },
    ]
    var keys = Set(try requests.map { try key($0) })
    #expect(keys.count == requests.count)
    keys.insert(try key(["want \(longID)"], ["object-format=sha256"]))
    #expect(keys.count == requests.count + 1)
  }

  @Test(arguments: [
    "blob:none", "blob:limit=10m", "tree:1", "object:type=commit", "combine:blob:none+tree:3",
  ])
  func `A filter that looks at objects alone is taken`(filter: String) throws {
    #expect(try fetch([], ["want \(oneID)", "filter \(filter)"]) != nil)
  }

  @Test(arguments: [
    "want-ref refs/heads/main", "packfile-uris https", "wait-for-done", "server-option=x", "unknown",
    "",
    "deepen-not refs/heads/main", "filter sparse:oid=main:x", "filter combine:tree:3+sparse:oid=main:x",
    "filter combine:tree:3+sparse%3aoid=main:x", "filter combine:", "filter ", "filter", "filter  blob:none",
    "want", "want ", "want \(oneID) ", "want \(oneID.dropLast())", "want \(twoID.uppercased())", "have \(longID)",
    "have \(oneID.dropLast())g", "shallow x", "want  \(oneID)", "deepen", "deepen 0", "deepen 01", "deepen -1",
    "deepen 1x", "deepen ", "deepen-since now", "deepen-since 99999999999999999999", "done ", "done now",
    "thin-pack x", "include-tag\n\n", "DONE", "ofs-delta\0",
  ])
  func `A line that is not known is not for the cache`(line: String) throws {
    #expect(try fetch(capabilities, clone + [line]) == nil)
  }

  @Test(arguments: [
    ["deepen 1", "deepen 2"], ["deepen 1", "deepen 1"], ["deepen-since 1", "deepen-since 1"],
    ["filter tree:1", "filter blob:none"],
  ])
  func `A line of one value is not said twice`(lines: [String]) throws {
    #expect(try fetch([], clone + lines) == nil)
    #expect(try fetch([], clone + lines.prefix(1)) != nil)
  }

  @Test(arguments: [
    ["server-option=x"], ["object-format=sha512"], ["object-format=sha1", "object-format=sha1"], ["promisor-remote=x"],
    ["agent"], [""],
  ])
  func `A capability that is not known is not for the cache`(lines: [String]) throws {
    #expect(try fetch(lines, clone) == nil)
  }

  @Test func `Other commands and a fetch of nothing are not for the cache`() throws {
    #expect(FetchRequest(try command("ls-refs", [], clone)) == nil)
    #expect(FetchRequest(try command("object-info", [], clone)) == nil)
    #expect(try fetch([], ["done", "have \(oneID)"]) == nil)
  }

  @Test func `At most 16,384 wants are taken`() throws {
    let wants = (0...FetchRequest.maxWants).map {
      "want " + String(repeating: "0", count: 30) + "\(1_000_000_000 + $0)"
    }
    let most = try #require(try fetch([], Array(wants.dropLast())))
    #expect(most.wants.count == FetchRequest.maxWants)
    #expect(try fetch([], wants) == nil)
  }
}

@Suite struct LsRefsRequestTests {
  private static let lines = ["peel", "symrefs", "unborn", "ref-prefix refs/heads/", "ref-prefix HEAD"]

  private func key(_ capabilities: [String], _ arguments: [String]) throws -> [UInt8] {
    try #require(LsRefsRequest(try command("ls-refs", capabilities, arguments))).canonicalBytes
  }

  @Test(arguments: [
    (["agent=x", "session-id=y", "object-format=sha1"], lines), (capabilities, lines.reversed()),
    (capabilities, lines + lines), (capabilities, lines.map { $0 + "\n" }),
  ])
  func `The same question has the same key`(names: [String], arguments: [String]) throws {
    #expect(try key(names, arguments) == key(capabilities, Self.lines))
  }

  @Test func `Another question has another key`() throws {
    let requests: [([String], [String])] = [
      (capabilities, Self.lines), (capabilities, []), ([], Self.lines), (["server-option=x"], Self.lines),
      (["server-option=y"], Self.lines), (["server-option=x", "server-option=y"], Self.lines),
      (["server-option=y", "server-option=x"], Self.lines), (capabilities, Array(Self.lines.dropFirst())),
      (capabilities, Self.lines + ["ref-prefix refs/tags/"]), (capabilities, Self.lines + ["new"]),
      (capabilities, Self.lines + ["new", "other"]), (capabilities, Self.lines + ["other", "new"]),
      (capabilities, Self.lines + ["new", "new"]), (capabilities + ["new"], Self.lines),
      (capabilities, ["ref-prefix "]),
    ]
    #expect(Set(try requests.map { try key($0.0, $0.1) }).count == requests.count)
  }

  @Test func `Other commands are none`() throws {
    #expect(LsRefsRequest(try command("fetch", capabilities, Self.lines)) == nil)
  }
}
