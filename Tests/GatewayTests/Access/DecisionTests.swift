import FoundationEssentials
import GatewayTestSupport
import GitProtocol
import Logging
import Testing

@testable import Gateway

@Suite struct DecisionTests {
  @Test func `many patterns at once say what each says alone`() {
    var random = SplitMix64(state: 11)
    func text(_ bytes: String, _ count: ClosedRange<Int>) -> String {
      String((0..<Int.random(in: count, using: &random)).compactMap { _ in bytes.randomElement(using: &random) })
    }
    var foundCount = 0
    for _ in 0..<300 {
      let patterns = (0..<8).map { _ in
        Int.random(in: 0..<8, using: &random) == 0
          ? "**" + text("a*", 0...1) : "\(text("ab*?", 1...3))/\(text("ab*?", 1...3))"
      }
      let policy = Policy(
        patterns.enumerated().map { AccessRule(name: "\($0)", who: ["*"], repos: [$1], allow: [.read]) })
      for _ in 0..<20 {
        let repo = RepoKey(namespace: text("abA", 1...3), name: text("abB", 1...3))
        let alone = patterns.firstIndex { Glob($0, .path).matches("\(repo)".lowercased()) }
        let found = policy.rule(policy.rules(for: .anonymous), giving: .read, to: .repo(repo))
        #expect(found == alone, "\(patterns) \(repo)")
        if found != nil { foundCount += 1 }
      }
    }
    #expect(foundCount > 500)
  }

  @Test func `ten thousand people and a thousand rules cost little`() {
    var access = AccessConfiguration()
    access.groups = (0..<100).map { group in
      AccessGroup(name: "g\(group)", members: (0..<100).map { "token:user-\(group * 100 + $0)" })
    }
    access.rules = (0..<1_000).map { number in
      AccessRule(
        name: "r\(number)", who: number % 2 == 0 ? ["group:g\(number % 100)"] : ["token:user-\(number)*"],
        repos: number % 3 == 0 ? ["team-\(number)/*"] : ["*/repo-\(number)-*"], allow: [.read])
    }
    let decider = Access(
      AccessPolicy(access, wallClock: { 0 }), GatewayMetrics(), Logger(label: "") { _ in SwiftLogNoOpLogHandler() })
    func time(_ name: String) -> Duration {
      let clock = ContinuousClock()
      var allowedCount = 0
      let whole = clock.measure {
        for number in 0..<1_000 {
          let repo = RepoKey(namespace: "team-\(number)", name: "repo-\(number)-x")
          if decider.allows(Identity(.token, "user-\(number * 10)"), .read, .repo(repo)) { allowedCount += 1 }
        }
      }
      #expect(allowedCount > 0)
      print("\(name): \(whole / 1_000) a decision")
      return whole / 1_000
    }
    let cold = time("cold")
    let warm = time("warm")
    // Without optimisation, on a machine that does other things.
    #expect(cold < .milliseconds(5) && warm < .milliseconds(1))
  }

  @Test(.enabled(if: Git.isThere)) func `the commits of a pack are found, those that are deltas, too`() async throws {
    try await withTemporaryFolder { folder in
      let git = Git(in: folder)
      try await git.workTree("work")
      let text = (0..<200).map { "line \($0) of a message that is long enough for a delta" }.joined(separator: "\n")
      for number in 0..<20 {
        try await git("-C", "work", "commit", "-q", "--allow-empty", "-m", "number \(number)\n\n\(text)")
      }
      try await git("-C", "work", "repack", "-q", "-a", "-d", "-f", "--window=50", "--depth=20")
      let ids = try await git("-C", "work", "rev-list", "HEAD").split(separator: "\n").map(String.init)
      let packs = "\(folder)/work/.git/objects/pack"
      let name = try #require(
        try FileManager.default.contentsOfDirectory(atPath: packs).first { $0.hasSuffix(".pack") })
      let listing = try await git("-C", "work", "verify-pack", "-v", "\(packs)/\(name)")
      // Its last columns are the depth and the base.
      let deltas = listing.split(separator: "\n").filter {
        $0.contains(" commit ") && $0.split(separator: " ").count == 7
      }
      #expect(!deltas.isEmpty)
      let pack = [UInt8](try Data(contentsOf: URL(filePath: "\(packs)/\(name)")))
      for size in [1, 7, 4_096, pack.count] {
        let commits = try PackCommits()
        var graph = CommitGraph()
        var count = 0
        for start in stride(from: 0, to: pack.count, by: size) {
          pack[start..<min(pack.count, start + size)].withUnsafeBytes { commits.feed($0) }
          for content in commits.takeNew() {
            graph.add(content)
            count += 1
          }
        }
        #expect(commits.isOver && count == ids.count)
        #expect(graph.borders(of: ids[0]).isEmpty)
        #expect(graph.shows(ids[ids.count - 1], asAncestorOf: ids[0]))
        #expect(!graph.shows(ids[0], asAncestorOf: ids[1]))
        #expect(graph.borders(of: String(repeating: "1", count: 40)) == [String(repeating: "1", count: 40)])
      }
    }
  }
}
