import ArtifactsAPI
import EventLoop
import Gateway
import GatewayTestSupport
import TLS
import Testing

/// The same people and rules on listeners of every kind, each of which takes other credentials.
@Suite(
  .enabled(if: Git.isThere && ExternalTool("curl").isThere && Certificates.directory != nil), .timeLimit(.minutes(10)))
struct ListenerMatrixTests {
  /// Somebody, by what he shows. Names are those of rules.
  private struct Person {
    let name: String
    var token: Secret?
    /// The name of the files of his certificate.
    var certificate: String?
    let rights: [String: Set<Right>]

    func may(_ right: Right, _ repo: String) -> Bool { rights[repo]?.contains(right) ?? false }
  }

  private struct Place {
    let name: String
    /// Without a port.
    let address: String
    let port: UInt16
    let isSecure: Bool
    /// Nobody gets as far as a request without a certificate.
    let wantsCertificate: Bool
    let accepts: Set<Identity.Source>

    var scheme: String { isSecure ? "https" : "http" }
    var base: String { "\(scheme)://localhost:\(port)" }
    /// The certificate is for this name, wherever the listener is.
    var resolution: String { "localhost:\(port):\(address)" }

    /// Who somebody is here; nil when he is not let in.
    func identity(of person: Person) -> String? {
      if wantsCertificate, person.certificate == nil { return nil }
      if person.token != nil { return accepts.contains(.token) ? "token:\(person.name)" : nil }
      if person.certificate != nil, wantsCertificate, accepts.contains(.certificate) {
        return "certificate:\(person.name)"
      }
      return accepts.contains(.anonymous) ? "anonymous" : nil
    }

    /// What somebody gets who is not let in; curl says 0 for no answer. Whoever goes on showing what is wrong is sent away.
    func refusals(of person: Person) -> [Int] {
      if wantsCertificate, person.certificate == nil { return [0] }
      return accepts.contains(.token) ? [401] : person.token == nil ? [403] : [403, 429]
    }
  }

  static let curl = ExternalTool("curl")
  private static let all = Set(Right.allCases)

  private static let people = [
    Person(name: "root", token: TokenSecret.make(), rights: ["open": all, "closed": all, "fresh": all]),
    Person(name: "dev", token: TokenSecret.make(), rights: ["open": [.read, .push]]),
    Person(name: "maker", token: TokenSecret.make(), rights: ["fresh": [.create]]),
    Person(name: "stranger", token: TokenSecret.make(), rights: [:]),
    Person(name: "Ada Lovelace", certificate: "person", rights: ["open": [.read], "closed": [.read, .push]]),
    Person(name: "server.test", certificate: "client", rights: [:]),
    // What is shown in a field decides, whatever certificate stands beside it.
    Person(name: "other", token: TokenSecret.make(), certificate: "person", rights: [:]),
    Person(name: "ops", token: TokenSecret.make(), certificate: "client", rights: ["open": all, "closed": [.read]]),
    Person(name: "nobody", rights: [:]),
  ]

  private func with(_ body: (EmulatorGateway, [Place], _ admin: [Place]) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      let known = Self.people.compactMap { person in person.token.map { (name: person.name, secret: $0) } }
      var access = try AccessConfiguration.knowing(known, in: folder)
      for person in Self.people {
        for (repo, rights) in person.rights {
          access.allow("\(person.token == nil ? "certificate" : "token"):\(person.name)", rights, "default/\(repo)")
        }
      }
      access.allow("token:root", [.admin], "**")
      access.authentication?.usesCertificates = true
      let (any, onlyTokens, onlyCertificates): (SocketAddress, SocketAddress, SocketAddress) = (
        .v4(0x7f00_0001, port: 0), .v4(0x7f00_0002, port: 0), .v4(0x7f00_0003, port: 0)
      )
      access.authentication?.listenerRules = [
        .init(onlyTokens, accepted: [.token]), .init(onlyCertificates, accepted: [.certificate]),
      ]
      try await EmulatorGateway.with(configure: {
        $0.access = access
        $0.hasAdminListener = true
        $0.controls = ControlActions(quit: {}, reload: { .reloaded(changed: [], needingRestart: []) })
      }) { test async throws in
        func place(
          _ name: String, _ address: SocketAddress, authorities: String?? = nil, isAdmin: Bool = false,
          _ sources: Identity.Source...
        ) async throws -> Place {
          let files = authorities.map { authorities in
            TLSServerFiles(
              certificate: Certificates.path("good.pem"), key: Certificates.path("good.key"),
              clientAuthorities: authorities)
          }
          let bound = try await test.gateway.listen(on: ListenerConfiguration(address, tls: files, isAdmin: isAdmin))
          return Place(
            name: name, address: "\(bound.host)", port: try #require(bound.port), isSecure: files != nil,
            wantsCertificate: files?.clientAuthorities != nil, accepts: Set(sources))
        }
        let (plain, known) = (String?.none, Certificates.path("ca.pem"))
        try await body(
          test,
          [
            place("in the clear", any, .token, .certificate),
            place("TLS", any, authorities: plain, .token, .certificate),
            place("TLS, both", any, authorities: known, .token, .certificate),
            place("TLS, tokens", onlyTokens, authorities: known, .token),
            place("TLS, certificates", onlyCertificates, authorities: known, .certificate),
          ],
          [
            place("admin", any, isAdmin: true, .token, .certificate),
            place("admin, both", any, authorities: known, isAdmin: true, .token, .certificate),
            place("admin, certificates", onlyCertificates, authorities: known, isAdmin: true, .certificate),
          ])
      }
    }
  }

  // MARK: Git

  /// Runs git as somebody, at some place.
  private static func attempt(
    _ arguments: [String], _ person: Person, _ place: Place, _ git: Git, version: String = "HTTP/1.1"
  ) async throws -> Git.Outcome {
    var git = git
    git.variables["GIT_SSL_CAINFO"] = Certificates.path("ca.pem")
    if let file = person.certificate {
      git.variables["GIT_SSL_CERT"] = Certificates.path("\(file).pem")
      git.variables["GIT_SSL_KEY"] = Certificates.path("\(file).key")
    }
    let settings = ["-c", "http.curloptResolve=\(place.resolution)", "-c", "http.version=\(version)"]
    return try await git.attempt(settings + arguments)
  }

  /// A repo's URL with a token in it, which git sends as a password when it is asked for one.
  private static func url(_ repo: String, _ person: Person, _ place: Place) -> String {
    let user = person.token.map { "x:\($0.exposed)@" } ?? ""
    return "\(place.scheme)://\(user)localhost:\(place.port)/git/\(repo)"
  }

  private static func header(_ person: Person) -> [String] {
    person.token.map { ["-c", "http.extraHeader=Authorization: Bearer \($0.exposed)"] } ?? []
  }

  @Test func `git gets what the rules say, by the credentials that a listener takes`() async throws {
    try await with { test, places, admin async throws in
      try await Self.seed(test, admin[0])
      for place in places {
        for person in Self.people {
          for repo in ["open", "closed"] {
            let context = "\(person.name) \(repo) \(place.name)"
            let identity = place.identity(of: person)
            func expect(_ outcome: Git.Outcome, _ right: Right) {
              let isAllowed = identity != nil && person.may(right, repo)
              #expect(outcome.isSuccess == isAllowed, "\(context) \(right): \(outcome.text)")
              if isAllowed { return }
              let wish = right == .read ? "read" : "push to"
              #expect(
                outcome.text.contains("\(identity ?? "none") may not \(wish) default/\(repo)") == (identity != nil),
                "\(context) \(right): \(outcome.text)")
            }
            let plain = "\(place.base)/git/\(repo)"
            for version in place.isSecure ? ["HTTP/1.1", "HTTP/2"] : ["HTTP/1.1"] {
              // Git sends what stands in a URL when it is asked for it only; who is known by a certificate is not.
              if person.certificate == nil {
                let url = Self.url(repo, person, place)
                expect(try await Self.attempt(["ls-remote", url], person, place, test.git, version: version), .read)
              }
              expect(
                try await Self.attempt(
                  Self.header(person) + ["ls-remote", plain], person, place, test.git, version: version), .read)
              let branch = "main:refs/heads/\(place.port)-\(version.filter(\.isNumber))-\(Self.number(person))"
              let push = Self.header(person) + ["-C", "work", "push", plain, branch]
              expect(try await Self.attempt(push, person, place, test.git, version: version), .push)
            }
          }
        }
      }
    }
  }

  private static func number(_ person: Person) -> Int { people.firstIndex { $0.name == person.name } ?? -1 }

  private static func seed(_ test: EmulatorGateway, _ admin: Place) async throws {
    for repo in ["open", "closed"] {
      let status = try await ask("PUT", "/api/v1/repos/\(repo)", people[0], admin, test).status
      guard status == 201 else { throw TestFailure("\(status)") }
    }
    try await test.git.workTree("work")
  }

  // MARK: The admin API

  private static func ask(_ method: String, _ path: String, _ person: Person, _ place: Place, _ test: EmulatorGateway)
    async throws -> (status: Int, text: String)
  {
    var arguments = ["-s", "-X", method, "--resolve", place.resolution, "--cacert", Certificates.path("ca.pem")]
    arguments += ["-w", "\n%{http_code}"]
    if method == "PUT" { arguments += ["-H", "Content-Type: application/json", "-d", "{}"] }
    if let token = person.token { arguments += ["-H", "Authorization: Bearer \(token.exposed)"] }
    if let file = person.certificate, place.isSecure {
      arguments += ["--cert", Certificates.path("\(file).pem"), "--key", Certificates.path("\(file).key")]
    }
    let text = try await curl.run(arguments + [place.base + path], in: test.folder).text
    let parts = text.split(separator: "\n", omittingEmptySubsequences: false)
    return (parts.last.flatMap { Int($0) } ?? 0, parts.dropLast().joined(separator: "\n"))
  }

  @Test func `the admin API does what the rules say, at its own address only`() async throws {
    try await with { test, places, admin async throws in
      try await Self.seed(test, admin[0])
      let refs = "/git/open/info/refs?service=git-upload-pack"
      for place in admin {
        for person in Self.people {
          let identity = place.identity(of: person)
          let calls: [(method: String, path: String, isAllowed: Bool, statuses: [Int])] = [
            ("GET", "/api/v1/repos/open", person.may(.read, "open"), [200]),
            ("GET", "/api/v1/repos/closed/log", person.may(.read, "closed"), [200, 404]),
            ("GET", "/api/v1/repos/closed/tokens", person.may(.admin, "closed"), [200]),
            ("PUT", "/api/v1/repos/fresh", person.may(.create, "fresh"), [200, 201]),
            ("DELETE", "/api/v1/repos/fresh", person.may(.admin, "fresh"), [202]),
            ("GET", "/api/v1/status", person.name == "root", [200]),
            ("GET", "/api/v1/cache", person.name == "root", [200]),
            ("POST", "/-/reload", person.name == "root", [200]),
          ]
          for call in calls {
            let answer = try await Self.ask(call.method, call.path, person, place, test)
            let context = "\(person.name) \(place.name) \(call.method) \(call.path): \(answer)"
            if let identity {
              #expect(call.isAllowed ? call.statuses.contains(answer.status) : answer.status == 403, "\(context)")
              #expect(call.isAllowed || answer.text.contains("\(identity) may not"), "\(context)")
            } else {
              #expect(place.refusals(of: person).contains(answer.status), "\(context)")
            }
          }
          let git = try await Self.ask("GET", refs, person, place, test)
          let statuses = identity == nil ? place.refusals(of: person) : [404]
          #expect(statuses.contains(git.status), "\(place.name): \(git)")
          #expect(identity == nil || git.text.contains("git is served on another address"), "\(git)")
          #expect(!git.text.contains("refs/heads"), "\(git)")
        }
      }
      for place in places {
        for path in ["/api/v1/repos/open", "/api/v1/status", "/"] {
          for person in Self.people where person.name == "root" || person.name == "ops" {
            let answer = try await Self.ask("GET", path, person, place, test)
            let statuses = place.identity(of: person) == nil ? place.refusals(of: person) : [404]
            #expect(statuses.contains(answer.status), "\(person.name) \(place.name) \(path): \(answer)")
          }
        }
      }
    }
  }
}
