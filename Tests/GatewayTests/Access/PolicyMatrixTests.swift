import ArtifactsAPI
import EventLoop
import Gateway
import GatewayTestSupport
import Testing

/// Everybody, with every repo, on every listener, by git and by the admin API: what the rules say happens, whatever is cached.
@Suite(.enabled(if: Git.isThere), .timeLimit(.minutes(10))) struct PolicyMatrixTests {
  private struct Person {
    let name: String
    let secret: Secret?
    /// By the name of the repo.
    let rights: [String: Set<Right>]

    func may(_ right: Right, _ repo: String) -> Bool { rights[repo]?.contains(right) ?? false }
  }

  private static let all = Set(Right.allCases)
  /// `gone` is not there.
  private static let repos = ["open", "closed", "gone"]

  private static let people = [
    Person(name: "root", secret: TokenSecret.make(), rights: ["open": all, "closed": all, "gone": all]),
    Person(name: "dev", secret: TokenSecret.make(), rights: ["open": [.read, .push], "closed": [.read, .push]]),
    Person(name: "ci", secret: TokenSecret.make(), rights: ["open": [.read]]),
    Person(name: "writer", secret: TokenSecret.make(), rights: ["closed": [.push]]),
    Person(name: "stranger", secret: TokenSecret.make(), rights: [:]),
    Person(name: "anonymous", secret: nil, rights: ["open": [.read]]),
  ]

  private static func access(in folder: String) throws -> AccessConfiguration {
    let known = people.compactMap { person in person.secret.map { (name: person.name, secret: $0) } }
    var access = try AccessConfiguration.knowing(known, in: folder)
    access.authentication?.listenerRules = [.init(.v4(0x7f00_0002, port: 0), accepted: [.token, .anonymous])]
    for person in people {
      for (repo, rights) in person.rights {
        access.allow(person.secret == nil ? "anonymous" : "token:\(person.name)", rights, "default/\(repo)")
      }
    }
    return access
  }

  @Test func `what the rules say happens`() async throws {
    try await withTemporaryFolder { folder in
      let access = try Self.access(in: folder)
      try await EmulatorGateway.with(configure: {
        $0.access = access
        $0.cacheDirectory = folder + "/packs"
        $0.advertisementLife = .seconds(600)
      }) { test async throws in
        let asking = try #require(await test.gateway.listen(on: .v4(0x7f00_0002, port: 0)).port)
        for repo in ["open", "closed"] { try await Self.make(repo, test) }
        // Twice: all that can be kept is kept by the first turn.
        for turn in 1...2 {
          for person in Self.people {
            for repo in Self.repos {
              try await Self.check(person, repo, "127.0.0.1:\(test.port)", test, "\(turn)-1", isAnonymousServed: false)
              try await Self.check(person, repo, "127.0.0.2:\(asking)", test, "\(turn)-2", isAnonymousServed: true)
            }
          }
        }
      }
    }
  }

  private static func make(_ repo: String, _ test: EmulatorGateway) async throws {
    let root = people[0]
    let answer = try await test.ask(HTTPRequest("PUT", "/api/v1/repos/\(repo)", fields(root)))
    guard answer.status == 201 else { throw TestFailure("\(answer)") }
    try await test.git.workTree("work-\(repo)")
    try await test.git(git(root) + ["-C", "work-\(repo)", "push", "-q", test.url(repo), "main"])
  }

  private static func fields(_ person: Person) -> [(String, String)] {
    person.secret.map { [("Authorization", "Bearer \($0.exposed)")] } ?? []
  }

  private static func git(_ person: Person) -> [String] {
    person.secret.map { ["-c", "http.extraHeader=Authorization: Bearer \($0.exposed)"] } ?? []
  }

  private static func check(
    _ person: Person, _ repo: String, _ place: String, _ test: EmulatorGateway, _ turn: String, isAnonymousServed: Bool
  ) async throws {
    let isServed = person.secret != nil || isAnonymousServed
    let isThere = repo != "gone"
    let url = "http://\(place)/git/\(repo)"
    let context = "\(person.name) \(repo) \(place) turn \(turn)"
    func expect(_ outcome: Git.Outcome, _ right: Right, _ what: String) {
      let isAllowed = isServed && person.may(right, repo)
      #expect(outcome.isSuccess == (isAllowed && isThere), "\(context) \(what): \(outcome.text)")
      guard !isAllowed else { return }
      // No word of whether there is such a repo.
      #expect(!outcome.text.contains("no repo"), "\(context) \(what): \(outcome.text)")
      if person.secret != nil {
        let wish = right == .read ? "read" : "push to"
        #expect(
          outcome.text.contains("token:\(person.name) may not \(wish) default/\(repo); no rule allows it"),
          "\(context) \(what): \(outcome.text)")
      }
    }
    expect(try await test.git.attempt(git(person) + ["ls-remote", url]), .read, "ls-remote")
    let folder = "clone-\(person.name)-\(repo)-\(turn)"
    expect(try await test.git.attempt(git(person) + ["clone", "-q", url, folder]), .read, "clone")
    let work = isThere ? "work-\(repo)" : "work-open"
    let branch = "main:refs/heads/\(person.name)-\(turn)"
    expect(try await test.git.attempt(git(person) + ["-C", work, "push", url, branch]), .push, "push")
    guard place.hasPrefix("127.0.0.1"), isServed else { return }
    // A fetch that no advertisement has come before.
    let refs = GitOperation.lsRefs(["ref-prefix refs/heads/"], of: repo)
    let asked = try await test.ask(HTTPRequest("POST", refs.target, refs.fields + fields(person), body: refs.body))
    let isRead = person.may(.read, repo)
    #expect(asked.text.contains("refs/heads/main") == (isRead && isThere), "\(context): \(asked)")
    for (method, path, right) in [
      ("GET", "repos/\(repo)", Right.read), ("GET", "repos/\(repo)/log", .read),
      ("GET", "repos/\(repo)/tokens", .admin),
    ] {
      let answer = try await test.ask(HTTPRequest(method, "/api/v1/\(path)", fields(person)))
      let status = person.may(right, repo) ? (isThere ? 200 : 404) : 403
      #expect(answer.status == status, "\(context) \(path): \(answer)")
    }
  }

  @Test func `an anonymous client that no rule allows is asked who he is`() async throws {
    try await withTemporaryFolder { folder in
      let access = try Self.access(in: folder)
      try await EmulatorGateway.with(configure: { $0.access = access }) { test async throws in
        let port = try #require(await test.gateway.listen(on: .v4(0x7f00_0002, port: 0)).port)
        for repo in ["closed", "gone"] {
          let outcome = try await test.git.attempt(["ls-remote", "http://127.0.0.2:\(port)/git/\(repo)"])
          #expect(!outcome.isSuccess && outcome.text.contains("could not read Username"), "\(outcome.text)")
        }
      }
    }
  }
}
