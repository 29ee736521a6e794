import Gateway
import GatewayTestSupport
import Testing

@Suite struct GlobTests {
  @Test(
    arguments: [
      ("default/web", "default/web", true), ("default/web", "default/webs", false), ("default/web", "default/we", false),
      ("default/*", "default/web", true), ("default/*", "default/", true), ("default/*", "default/a/b", false),
      ("default/*", "other/web", false), ("*/web", "team/web", true), ("*/web", "a/b/web", false),
      ("**/web", "a/b/web", true), ("**", "", true), ("**", "a/b/c", true), ("*", "a/b", false), ("*", "ab", true),
      ("team-?/web", "team-1/web", true), ("team-?/web", "team-12/web", false), ("team-?/web", "team-//web", false),
      ("refs/heads/**", "refs/heads/a/b", true), ("refs/heads/*", "refs/heads/a/b", false),
      ("refs/**/main", "refs/heads/main", true), ("refs/**/main", "refs/heads/x/y/main", true),
      ("refs/**/main", "refs/main", false), ("a*b*c", "aXbYc", true), ("a*b*c", "abc", true), ("a*b*c", "acb", false),
      ("a*b*c", "aXb/c", false), ("a**b*c", "a/x/bYc", true), ("a**b*c", "a/x/bY/c", false), ("a***c", "a/c", true),
      ("*b", "aab", true), ("*ab*ab", "abab", true), ("*ab*ab", "ab", false), ("", "", true), ("", "a", false),
      ("?", "", false), ("[a]", "a", false), ("[a]", "[a]", true), ("a", "A", false), ("a*", "a\u{e9}", true),
    ])
  func `a pattern stands for these names and no others`(pattern: String, text: String, isMatch: Bool) {
    #expect(Glob(pattern, .path).matches(text) == isMatch)
  }

  @Test(
    arguments: [
      ("ci-*", "ci-a/b", true), ("*", "https://issuer.example/x", true), ("a?b", "a/b", true), ("ci", "ci", true),
      ("ci", "cii", false), ("*:main", "repo:acme/web:ref:main", true),
    ])
  func `in a name that is one piece a slash is a byte like any other`(pattern: String, text: String, isMatch: Bool) {
    #expect(Glob(pattern, .flat).matches(text) == isMatch)
  }

  /// What a pattern means, said in the slowest way.
  private static func matches(_ pattern: ArraySlice<Character>, _ text: ArraySlice<Character>) -> Bool {
    guard let first = pattern.first else { return text.isEmpty }
    let rest = pattern.dropFirst()
    if first == "*" {
      let isAll = rest.first == "*"
      let after = isAll ? rest.dropFirst() : rest
      if matches(after, text) { return true }
      guard let byte = text.first, isAll || byte != "/" else { return false }
      return matches(pattern, text.dropFirst())
    }
    guard let byte = text.first, first == byte || first == "?" && byte != "/" else { return false }
    return matches(rest, text.dropFirst())
  }

  @Test func `random patterns match as their meaning says`() {
    var random = SplitMix64(state: 7)
    var matchCount = 0
    for _ in 0..<20_000 {
      let pattern = (0..<Int.random(in: 0...7, using: &random)).compactMap { _ in "ab/**?".randomElement(using: &random) }
      let text = (0..<Int.random(in: 0...8, using: &random)).compactMap { _ in "ab/".randomElement(using: &random) }
      let isMatch = Self.matches(pattern[...], text[...])
      if isMatch { matchCount += 1 }
      #expect(Glob(String(pattern), .path).matches(String(text)) == isMatch, "\(String(pattern)) \(String(text))")
    }
    #expect(matchCount > 1_000)
  }

  @Test func `a pattern made to be slow is not`() {
    let pattern = Glob(String(repeating: "*a", count: 127) + "b", .path)
    let text = Array(repeating: UInt8(ascii: "a"), count: 4_096)
    let clock = ContinuousClock()
    // At most 255 times 4,096 steps, where going back and forth would never end.
    var isMatch = true
    let time = clock.measure { isMatch = pattern.matches(text) }
    #expect(!isMatch && time < .seconds(20))
  }
}
