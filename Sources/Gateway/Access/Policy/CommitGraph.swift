import GitProtocol
import PackCache

/// Who is whose parent, by the commits themselves: an id is the digest of what it stands for, so what is found here is true
/// wherever the commits come from. SHA-1 only; of commits with longer ids nothing is known.
struct CommitGraph {
  private var parents: [String: [String]] = [:]

  /// - Parameter content: a commit without its object header.
  mutating func add(_ content: [UInt8]) { parents[Self.id(of: content)] = Self.parents(in: content) }

  /// Whether a walk from `new` comes by `old`.
  func shows(_ old: String, asAncestorOf new: String) -> Bool { walk(from: new) { $0 == old } }

  /// Where a walk from `new` ends because nothing is known of the commits there; `new` itself, if that is one of them.
  func borders(of new: String) -> [String] {
    var borders: [String] = []
    _ = walk(from: new) { id in
      if parents[id] == nil { borders.append(id) }
      return false
    }
    return borders
  }

  private func walk(from start: String, until isFound: (String) -> Bool) -> Bool {
    var seen: Set<String> = [start]
    var next = [start]
    while let id = next.popLast() {
      if isFound(id) { return true }
      for parent in parents[id] ?? [] where seen.insert(parent).inserted { next.append(parent) }
    }
    return false
  }

  private static func id(of content: [UInt8]) -> String {
    var digest = Digest(.sha1)
    Array("commit \(content.count)\0".utf8).withUnsafeBytes { digest.update($0) }
    content.withUnsafeBytes { digest.update($0) }
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest.finish().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// The lines `parent <id>` behind the first, which names the tree (git-cat-file(1)).
  private static func parents(in content: [UInt8]) -> [String] {
    var parents: [String] = []
    let lines = content.split(separator: UInt8(ascii: "\n"), maxSplits: 2_048, omittingEmptySubsequences: false)
    for line in lines.dropFirst() {
      guard line.starts(with: "parent ".utf8) else { break }
      parents.append(String(decoding: line.dropFirst(7), as: UTF8.self))
    }
    return parents
  }
}
