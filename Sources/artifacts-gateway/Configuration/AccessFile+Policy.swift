import Gateway

extension AccessFile {
  /// Most rules, and most groups; and most members of all groups together.
  private static let policyLimit = 10_000
  private static let memberLimit = 1_000_000

  /// `[[group]]` and `[[rule]]`: who may do what to which repos.
  static func readPolicy(_ file: AccessSection, into access: inout AccessConfiguration) throws(StartFailure) {
    var names: Set<String> = []
    for section in try file.sections("group") {
      let group = try readGroup(section)
      guard names.insert(group.name).inserted else {
        throw section.refusal("name", "there are two of \"\(group.name)\"")
      }
      access.groups.append(group)
      guard access.groups.count <= policyLimit, access.groups.reduce(0, { $0 + $1.members.count }) <= memberLimit else {
        throw section.refusal("more than \(policyLimit) groups, or \(memberLimit) members in all of them")
      }
    }
    var rules: Set<String> = []
    for section in try file.sections("rule") {
      let rule = try readRule(section, groups: names)
      guard rules.insert(rule.name).inserted else { throw section.refusal("name", "there are two of \"\(rule.name)\"") }
      access.rules.append(rule)
      guard access.rules.count <= policyLimit else { throw section.refusal("more than \(policyLimit) rules") }
    }
  }

  private static func readGroup(_ section: AccessSection) throws(StartFailure) -> AccessGroup {
    try section.expect(["name", "members"])
    let name = try label(section)
    guard !name.contains("*"), !name.contains("?") else { throw section.refusal("name", "a name has no * or ? in it") }
    let members = try entries(section, "members")
    for member in members {
      switch IdentityPattern(member) {
      case .anonymous, .named: break
      case .everybody, .group, nil: throw section.refusal("members", "\"\(member)\" is not \(identityForm)")
      }
    }
    return AccessGroup(name: name, members: members)
  }

  private static let identityForm: String = {
    let sources = Identity.Source.allCases.filter { $0 != .anonymous }.map(\.rawValue).joined(separator: ", ")
    return "<source>:<name> with a source of \(sources), nor anonymous"
  }()

  private static func readRule(_ section: AccessSection, groups: Set<String>) throws(StartFailure) -> AccessRule {
    try section.expect(["name", "who", "claims", "repos", "allow", "refs", "deny"])
    var rule = AccessRule(
      name: try label(section), who: try readWho(section, groups: groups), repos: try repos(section), allow: [])
    let words = try entries(section, "allow", among: Right.allCases.map(\.rawValue))
    rule.allow = Set(words.compactMap { Right(rawValue: $0) })
    rule.claims = try claims(section)
    if section.has("refs") {
      rule.refs = try entries(section, "refs")
      for ref in rule.refs where !isRefPattern(ref) {
        throw section.refusal("refs", "\"\(ref)\" is no pattern of full names such as refs/heads/*")
      }
    }
    if section.has("deny") {
      let words = try entries(section, "deny", among: AccessRule.Denial.allCases.map(\.rawValue))
      rule.deny = Set(words.compactMap { AccessRule.Denial(rawValue: $0) })
    }
    for key in ["refs", "deny"] where section.has(key) && !rule.allow.contains(.push) {
      throw section.refusal(key, "it is about pushes, which this rule does not allow")
    }
    return rule
  }

  /// The entries of `who`, checked.
  static func readWho(_ section: AccessSection, groups: Set<String>) throws(StartFailure) -> [String] {
    let who = try entries(section, "who")
    for entry in who {
      switch IdentityPattern(entry) {
      case .group(let name) where !groups.contains(name):
        throw section.refusal("who", "there is no group \"\(name)\"")
      case nil: throw section.refusal("who", "\"\(entry)\" is not \(identityForm), group:<name> or *")
      default: break
      }
    }
    return who
  }

  private static func repos(_ section: AccessSection) throws(StartFailure) -> [String] {
    let repos = try entries(section, "repos")
    for repo in repos {
      let parts = repo.split(separator: "/", omittingEmptySubsequences: false)
      let isName = { (part: Substring) in
        !part.isEmpty
          && part.utf8.allSatisfy { "*?._-".utf8.contains($0) || $0 &- 0x30 < 10 || ($0 | 0x20) &- 0x61 < 26 }
      }
      guard parts.allSatisfy(isName), parts.count == 2 || parts.count == 1 && repo.contains("**") else {
        throw section.refusal(
          "repos", "\"\(repo)\" is no pattern of <namespace>/<name>, of letters, digits, '.', '_', '-', * and ?")
      }
    }
    return repos
  }

  private static func claims(_ section: AccessSection) throws(StartFailure) -> [String: String] {
    guard let table = try section.section("claims") else { return [:] }
    var claims: [String: String] = [:]
    for key in table.keys {
      let pattern = try table.requiredText(key)
      guard pattern.utf8.count <= Glob.maxBytes else {
        throw table.refusal(key, "it is longer than \(Glob.maxBytes) bytes")
      }
      claims[key] = pattern
    }
    guard !claims.isEmpty else { throw section.refusal("claims", "it is empty") }
    return claims
  }

  /// Printable, so that it can stand in logs and in what git prints.
  private static func label(_ section: AccessSection) throws(StartFailure) -> String {
    let name = try section.requiredText("name")
    guard name.utf8.count <= 64, name.utf8.allSatisfy({ 0x20...0x7e ~= $0 && $0 != UInt8(ascii: "\"") }) else {
      throw section.refusal("name", "at most 64 printable ASCII characters but \" are wanted")
    }
    return name
  }

  /// A list that must be there, with something in it.
  private static func entries(
    _ section: AccessSection, _ key: String, among words: [String]? = nil
  ) throws(StartFailure) -> [String] {
    var list = try section.list(key)
    if let words { list = try section.list(key, among: words) }
    guard let list else { throw section.refusal("\"\(key)\" is missing") }
    guard !list.isEmpty else { throw section.refusal(key, "it is empty") }
    for entry in list where entry.isEmpty || entry.utf8.count > Glob.maxBytes {
      throw section.refusal(key, "an entry is empty, or longer than \(Glob.maxBytes) bytes")
    }
    return list
  }

  /// A pattern that can match a full name as git takes it (git-check-ref-format(1)).
  private static func isRefPattern(_ text: String) -> Bool {
    (text.hasPrefix("refs/") || text.hasPrefix("*") || text.hasPrefix("?")) && !text.hasSuffix("/")
      && !text.contains("..") && !text.contains("//")
      && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && !"~^:\\[".utf8.contains($0) }
  }
}
