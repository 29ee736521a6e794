/// Whom an entry of `who` or of a group's `members` stands for.
package enum IdentityPattern: Hashable, Sendable {
  case everybody
  case anonymous
  case group(String)
  case named(Identity.Source, Glob)

  /// Reads `*`, `anonymous`, `group:<name>` or `<source>:<pattern>`; nil for anything else.
  package init?(_ text: String) {
    switch text {
    case "*": self = .everybody
    case "anonymous": self = .anonymous
    default:
      guard let colon = text.firstIndex(of: ":") else { return nil }
      let name = String(text[text.index(after: colon)...])
      guard !name.isEmpty else { return nil }
      if text[..<colon] == "group" {
        self = .group(name)
        return
      }
      guard let source = Identity.Source(rawValue: String(text[..<colon])), source != .anonymous else { return nil }
      self = .named(source, Glob(name, .flat))
    }
  }
}
