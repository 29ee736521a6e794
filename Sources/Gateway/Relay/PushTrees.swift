import PackCache

/// Remembers the trees of a push that stand whole in its pack, as far as they fit, and finds the path to a file in them.
struct PushTrees {
  /// Most bytes of trees, all together.
  private static let maxBytes = 4 << 20
  /// Most folders in a path.
  private static let maxDepth = 64

  let algorithm: Digest.Algorithm
  private var trees: [(id: [UInt8], content: [UInt8])] = []
  private var byteCount = 0
  /// The tree that is being read.
  private var current: [UInt8]?

  init(_ algorithm: Digest.Algorithm) { self.algorithm = algorithm }

  /// A tree of `size` bytes begins.
  mutating func begin(_ size: Int) {
    current = size <= Self.maxBytes - byteCount ? [] : nil
    current?.reserveCapacity(size)
  }

  /// The next bytes of an object, which may be another one.
  mutating func take(_ bytes: UnsafeRawBufferPointer) {
    guard current != nil else { return }
    byteCount += bytes.count
    if byteCount > Self.maxBytes { current = nil } else { current?.append(contentsOf: bytes) }
  }

  /// The object is over.
  mutating func end() {
    guard let content = current else { return }
    current = nil
    var digest = Digest(algorithm)
    Array("tree \(content.count)\0".utf8).withUnsafeBytes { digest.update($0) }
    content.withUnsafeBytes { digest.update($0) }
    trees.append((digest.finish(), content))
  }

  /// The path to an object, from the topmost tree that is known; nil when no tree names it.
  func path(to id: [UInt8]) -> String? {
    var wanted = id
    var parts: [String] = []
    while parts.count < Self.maxDepth, let (name, tree) = find(wanted) {
      parts.append(name)
      wanted = tree
    }
    return parts.isEmpty ? nil : parts.reversed().joined(separator: "/")
  }

  /// The name that a tree has for an object, and the id of that tree. A tree is a run of `<mode> <name>NUL<id>`.
  private func find(_ id: [UInt8]) -> (name: String, tree: [UInt8])? {
    for tree in trees {
      var rest = tree.content[...]
      while let space = rest.firstIndex(of: UInt8(ascii: " ")),
        let border = rest[space...].firstIndex(of: 0), rest.endIndex - border > id.count
      {
        let end = border + 1 + id.count
        if rest[(border + 1)..<end].elementsEqual(id) {
          return (String(decoding: rest[(space + 1)..<border], as: UTF8.self), tree.id)
        }
        rest = rest[end...]
      }
    }
    return nil
  }
}
