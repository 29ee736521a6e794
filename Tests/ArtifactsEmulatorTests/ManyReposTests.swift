import ArtifactsEmulator
import GatewayTestSupport
import Glibc
import Synchronization
import Testing

/// Ten thousand repos in one namespace, written as they lie on disk: making them by request would take minutes.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ManyReposTests {
  private static let count = 10_000

  /// The names in order of creation: each once, and far from the order of the alphabet.
  private static func name(_ number: Int) -> String {
    let digits = String(number * 7919 % count)
    return "repo-\(String(repeating: "0", count: 5 - digits.count))\(digits)-\(["alpha", "beta", "gamma"][number % 3])"
  }

  private static func fill(_ folder: String, now: Timestamp) throws {
    let namespace = folder + "/data/namespaces/demo"
    for path in [folder + "/data", folder + "/data/namespaces", namespace, namespace + "/repos"] { mkdir(path, 0o700) }
    let start = now.milliseconds
    try write(
      #"{"name":"demo","jurisdiction":"unrestricted","createdAt":\#(start),"updatedAt":\#(start),"departed":[]}"#,
      to: namespace + "/namespace.json")
    for number in 0..<count {
      let digits = String(number)
      let id = "id" + String(repeating: "0", count: 14 - digits.count) + digits
      let path = "\(namespace)/repos/\(id)"
      let time = start + Int64(number) + 1
      mkdir(path, 0o700)
      try write(
        #"{"id":"\#(id)","namespace":"demo","name":"\#(name(number))","defaultBranch":"main","readOnly":false,"#
          + #""createdAt":\#(time),"updatedAt":\#(time)}"#, to: path + "/repo.json")
      let secret = "art_v2_x_" + String(repeating: "0", count: 40 - digits.count) + digits
      try write(
        #"{"id":"t\#(id.dropFirst())","secret":"\#(secret)","scope":"write","createdAt":\#(time),"#
          + #""expiresAt":\#(time + 86_400_000)}"# + "\n", to: path + "/tokens.jsonl")
    }
  }

  /// On a thread of its own: the few threads of Swift's pool are needed by all other tests.
  private func withManyRepos(_ body: @escaping @Sendable (TestService) async throws -> Void) async throws {
    try await onLoop { _ in
      try await withTemporaryFolder { folder in
        let clock = ManualClock()
        try Self.fill(folder, now: clock.now)
        clock.advance(seconds: 60)
        try await body(try TestService(in: folder, clock: clock))
      }
    }
  }

  private struct Walk {
    var names: [String] = []
    var pages = 0
  }

  /// The values of all members of this name: the parser takes a hundred times as long for a page.
  private static func values(_ name: String, in text: String) -> [String] {
    text.split(separator: "\"\(name)\":\"").dropFirst().map { String($0.prefix { $0 != "\"" }) }
  }

  /// Walks a list to its end; `between` is called before each page but the first.
  private func walk(_ service: TestService, _ query: String, between: (Int) async throws -> Void = { _ in })
    async throws -> Walk
  {
    var walk = Walk()
    var cursor = ""
    while true {
      let answer = await service.ask("GET", "/namespaces/demo/repos?\(query)\(cursor)")
      guard answer.status == 200, walk.pages < 1000 else { throw TestFailure("\(answer)") }
      walk.names += Self.values("name", in: answer.text)
      walk.pages += 1
      guard let next = Self.values("cursor", in: answer.text).first else { return walk }
      cursor = "&cursor=\(next)"
      try await between(walk.pages)
    }
  }

  @Test func `a start, every order and every search are complete and quick`() async throws {
    try await withManyRepos { service in
      let all = (0..<Self.count).map(Self.name)
      for (order, names) in [
        ("created_at&direction=asc", all), ("updated_at", all.reversed()), ("last_push_at&direction=asc", all),
        ("name&direction=asc", all.sorted()), ("name", all.sorted().reversed()),
      ] {
        let walk = try await walk(service, "limit=200&sort=\(order)")
        #expect(walk.names == names, "\(order)")
        #expect(walk.pages == 50)
      }
      let beta = all.filter { $0.hasSuffix("beta") }
      #expect(try await walk(service, "limit=200&direction=asc&search=-beta").names == beta)
      let one = await service.ask("GET", "/namespaces/demo/repos?search=04999")
      #expect(one.names == all.filter { $0.contains("04999") })
      #expect(one.info?["total_count"] == .integer(1))
      #expect(await service.ask("GET", "/namespaces/demo/repos?search=nothing").names.isEmpty)
      let count = await service.ask("GET", "/namespaces/demo").result?["repo_count"]
      #expect(count == .integer(Self.count))
      // Sorting ten thousand names or times for each call took hundreds of times as long.
      let clock = ContinuousClock()
      for query in ["limit=1&sort=name", "limit=1&sort=updated_at&direction=asc", "limit=1"] {
        let time = await clock.measure {
          for _ in 0..<20 { _ = await service.ask("GET", "/namespaces/demo/repos?\(query)") }
        }
        #expect(time < .milliseconds(400), "\(query)")
      }
    }
  }

  @Test func `a walk shows what stays exactly once while repos come and go`() async throws {
    try await withManyRepos { service in
      var all = (0..<Self.count).map(Self.name)
      for (turn, order) in ["created_at desc", "name asc"].enumerated() {
        let words = order.split(separator: " ")
        let before = all
        let walk = try await walk(service, "limit=200&sort=\(words[0])&direction=\(words[1])") { page in
          // One from either end, and one of those that were just shown or come next; and new names all over.
          for place in [all.count - 1, (page * 200 + turn) % (all.count - 1), 0] {
            let name = all.remove(at: place)
            #expect(await service.ask("DELETE", "/namespaces/demo/repos/\(name)").status == 202)
          }
          for prefix in ["a", "repo-05", "z"] {
            let name = "\(prefix)-new-\(turn)-\(page)"
            all.append(name)
            #expect(await service.ask("POST", "/namespaces/demo/repos", #"{"name":"\#(name)"}"#).status == 201)
          }
        }
        #expect(Set(walk.names).count == walk.names.count, "\(order): no repo is shown twice")
        let left = Set(all)
        let stayed = before.filter(left.contains)
        let staying = Set(stayed)
        let ascending = words[0] == "name" ? stayed.sorted() : stayed
        #expect(
          walk.names.filter(staying.contains) == (words[1] == "asc" ? ascending : ascending.reversed()), "\(order)")
      }
    }
  }
}
