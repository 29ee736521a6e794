import FoundationEssentials
import Subprocess
import SystemPackage
import Testing

/// `[[oidc]]` of the access file, as `check` takes it.
@Suite struct OIDCSectionTests {
  private func check(_ content: String) async throws -> Ended {
    try await withTemporaryFolder { folder in
      try content.write(toFile: "\(folder)/access.toml", atomically: false, encoding: .utf8)
      return try await runIsolated(
        .path(FilePath(Project.program)), ["check", "--local", "--access-file", "access.toml"], in: folder)
    }
  }

  private static let least = "[[oidc]]\nissuer = \"https://ci.example\"\naudience = \"gateway\"\n"

  private static func least(and more: String) -> String { least + more }

  private static func issuer(_ url: String) -> String { least.replacing("https://ci.example", with: url) }

  private static let good: [String] = [
    least, least.replacing("\"gateway\"", with: "[\"a\", \"b\"]"), least(and: "name = \"repository\"\n"),
    least(and: "name = \"ci/{repository}@{ref}\"\n"), least(and: "claims = { owner = \"acme*\", ref = \"?\" }\n"),
    least(and: "[oidc.claims]\nowner = \"acme\"\n"), least(and: "[oidc.claims]\n\"https://ci/owner\" = \"acme\"\n"),
    least(and: "jwks_uri = \"https://keys.example/ci\"\n"), least(and: least),
    issuer("https://ci.example:8443/realms/a"), issuer("https://[::1]"),
    "oidc = [{ issuer = \"https://ci.example\", audience = \"gateway\" }]\n",
    least(and: "[[auth.listener]]\naddress = \"127.0.0.1:7080\"\naccept = [\"oidc\"]\n"),
  ]

  @Test(arguments: good)
  func `what is good is taken`(content: String) async throws {
    let result = try await check(content)
    #expect(result.status.isSuccess, "\(content)\n\(result.text)")
  }

  private static let bad: [(String, String)] = [
    ("oidc = 1", "1: oidc: [[oidc]] is wanted"),
    ("[oidc]\nissuer = \"https://ci.example\"", "1: oidc: [[oidc]] is wanted"),
    ("oidc = [1]", "1: oidc: tables are wanted"),
    ("[[oidc]]\naudience = \"a\"", "1: oidc: \"issuer\" is missing"),
    ("\n[[oidc]]\nissuer = \"https://ci.example\"", "2: oidc: \"audience\" is missing"),
    (least(and: "audiences = \"a\""), "4: unknown key \"oidc.audiences\"; did you mean \"audience\"?"),
    (least(and: "\n[[oidc]]\nissuer = \"\"\naudience = \"a\""), "6: oidc.issuer: it is empty"),
    ("[[oidc]]\nissuer = 1\naudience = \"a\"", "2: oidc.issuer: a string is wanted"),
    (issuer("http://ci.example"), "2: oidc.issuer: \"http://ci.example\" is not a plain https URL"),
    (issuer("http://127.0.0.1:8080"), "2: oidc.issuer: \"http://127.0.0.1:8080\" is not a plain https URL"),
    (issuer("http://localhost"), "2: oidc.issuer: \"http://localhost\" is not a plain https URL"),
    (issuer("ci.example"), "2: oidc.issuer: \"ci.example\" is not a plain https URL"),
    (issuer("https://ci.example?a=b"), "2: oidc.issuer: \"https://ci.example?a=b\" is not a plain https URL"),
    (issuer("https://a:b@ci.example"), "2: oidc.issuer: "), (issuer("https://ci.example#a"), "2: oidc.issuer: "),
    (least.replacing("\"gateway\"", with: "[]"), "3: oidc.audience: at least one is needed, and none may be empty"),
    (least.replacing("gateway", with: ""), "3: oidc.audience: at least one is needed, and none may be empty"),
    (least.replacing("\"gateway\"", with: "[\"a\", 1]"), "3: oidc.audience: a list of strings is wanted"),
    (least.replacing("\"gateway\"", with: "true"), "3: oidc.audience: a list of strings is wanted"),
    (least(and: "name = \"\""), "4: oidc.name: it is empty"),
    (least(and: "name = \"a{b\""), "4: oidc.name: \"a{b\" is neither a claim nor text with {claim} in it"),
    (least(and: "name = \"{}\""), "4: oidc.name: \"{}\" is neither a claim nor text with {claim} in it"),
    (least(and: "claims = \"acme\""), "4: oidc.claims: a table is wanted"),
    (least(and: "claims = { owner = 1 }"), "4: oidc.claims.owner: a string is wanted"),
    (least(and: "\n[oidc.claims]\nowner = \"acme\"\nref = \"\""), "7: oidc.claims.ref: it is empty"),
    (
      [least(and: "claims = { owner = 1 }\n"), least(and: "[oidc.claims]\nowner = \"acme\"")].joined(),
      "4: oidc.claims.owner: a string is wanted"
    ),
    (
      least(and: "jwks_uri = \"http://ci.example/keys\""), "4: oidc.jwks_uri: \"http://ci.example/keys\" is not a plain"
    ),
    (least(and: "ca_file = 1"), "4: oidc.ca_file: a string is wanted"),
    (String(repeating: least, count: 33), "97: oidc: more than 32 providers"),
  ]

  @Test(arguments: bad)
  func `what is wrong is named with its line and its key`(content: String, complaint: String) async throws {
    let result = try await check(content)
    #expect(result.status == .exited(65), "\(content)\n\(result.text)")
    #expect(result.text.contains("access.toml:\(complaint)"), "\(content)\n\(result.text)")
  }

  @Test func `authorities that cannot be read are named`() async throws {
    let result = try await check(Self.least(and: "ca_file = \"none.pem\"\n"))
    #expect(result.status == .exited(65), "\(result.text)")
    #expect(result.text.contains("access.toml: oidc.ca_file: ") && result.text.contains("none.pem"), "\(result.text)")
  }

  @Test func `a listener takes ID tokens only with a provider`() async throws {
    let listener = "[[auth.listener]]\naddress = \"127.0.0.1:7080\"\naccept = [\"oidc\"]\n"
    let result = try await check("[auth]\nunix_peers = true\n" + listener)
    #expect(result.status == .exited(65))
    #expect(result.text.contains("access.toml:5: auth.listener.accept: \"oidc\" needs [[oidc]]"), "\(result.text)")
  }
}
