/// How the service's reads name git objects, written as `gitrevisions(7)` so that nothing else of that syntax gets in.
enum ObjectName {
  /// Forty lower-case hex digits.
  static func isHash(_ text: some StringProtocol) -> Bool {
    text.utf8.count == 40
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
        default: false
        }
      }
  }

  /// What `ref` may mean, the likeliest first: a commit's hash, else a short branch or tag name. `HEAD` and names with
  /// `refs/` or `heads/` in front mean nothing to the service. None for what cannot be a name.
  static func commits(_ ref: String) -> [String] {
    if isHash(ref) { return ["\(ref)^{commit}"] }
    guard NameRule.isBranch(ref) else { return [] }
    return ["refs/heads/\(ref)^{commit}", "refs/tags/\(ref)^{commit}"]
  }

  /// A file at a commit, or nil for a path that no tree can hold. `./` and `../` would make git give up.
  static func file(_ path: String, at commit: String) -> String? {
    let segments = path.split(separator: "/", omittingEmptySubsequences: false)
    guard !path.utf8.contains(0), segments.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else { return nil }
    return "\(commit):\(path)"
  }
}
