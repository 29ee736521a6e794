/// A repo by its names, in their one canonical spelling: `.git` and a trailing slash are gone.
package struct RepoKey: Hashable, Sendable, CustomStringConvertible {
  package let namespace: String
  package let name: String

  package init(namespace: String, name: String) {
    self.namespace = namespace
    self.name = name
  }

  package var description: String { "\(namespace)/\(name)" }

  /// The longest name taken, bytes; the service documents 63 for namespaces and nothing for repos.
  private static let longestName = 128

  /// Whether a namespace or repo may be called this: `^[A-Za-z0-9][A-Za-z0-9._-]*$`.
  package static func isName(_ text: some StringProtocol) -> Bool {
    let bytes = text.utf8
    guard let first = bytes.first, isAlphanumeric(first), bytes.count <= longestName else { return false }
    return bytes.allSatisfy {
      isAlphanumeric($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
    }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26
  }
}
