/// What the service takes as a name: `^[a-zA-Z0-9][a-zA-Z0-9._-]*$`, within a length.
package enum NameRule {
  /// Namespaces have 2 to 63 characters.
  package static func isNamespace(_ name: String) -> Bool {
    (2...63).contains(name.utf8.count) && matches(name)
  }

  /// Repos have no documented length; 255 is what a path segment may have on disk.
  package static func isRepo(_ name: String) -> Bool {
    (1...255).contains(name.utf8.count) && matches(name)
  }

  /// A branch that `HEAD` may name: the rules of `git-check-ref-format(1)` for `refs/heads/<name>`.
  package static func isBranch(_ name: String) -> Bool {
    guard (1...255).contains(name.utf8.count), !name.hasSuffix("."), !name.hasPrefix("-"), name != "@" else {
      return false
    }
    let forbidden = Set(" ~^:?*[\\\u{7f}".utf8)
    guard name.utf8.allSatisfy({ $0 > 0x1f && !forbidden.contains($0) }) else { return false }
    guard !name.contains(".."), !name.contains("@{") else { return false }
    return name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
      !$0.isEmpty && !$0.hasPrefix(".") && !$0.hasSuffix(".lock")
    }
  }

  private static func matches(_ name: String) -> Bool {
    guard let first = name.utf8.first, isAlphanumeric(first) else { return false }
    return name.utf8.allSatisfy {
      isAlphanumeric($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
    }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"):
      true
    default: false
    }
  }
}
