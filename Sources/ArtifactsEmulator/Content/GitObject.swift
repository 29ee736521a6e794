/// What `git cat-file --batch-check` tells about an object: `<hash> <type> <size>`.
struct GitObject: Equatable {
  let hash: String
  let type: String
  let size: Int

  /// Reads one line. Returns nil when it tells that there is no such object.
  init?(_ line: some Sequence<UInt8>) {
    let words = String(decoding: Array(line), as: UTF8.self).split(separator: " ")
    guard words.count == 3, ObjectName.isHash(words[0]), let size = Int(words[2]), size >= 0 else { return nil }
    hash = String(words[0])
    type = String(words[1])
    self.size = size
  }

  /// Reads what `git cat-file --batch` printed for objects that are all there. Returns nil when it is cut.
  static func parse(_ output: [UInt8]) -> [(object: GitObject, content: ArraySlice<UInt8>)]? {
    var objects: [(GitObject, ArraySlice<UInt8>)] = []
    var rest = output[...]
    while !rest.isEmpty {
      guard let end = rest.firstIndex(of: 10), let object = GitObject(rest[..<end]) else { return nil }
      let content = rest[(end + 1)...]
      guard object.size < content.count else { return nil }
      objects.append((object, content.prefix(object.size)))
      rest = content.dropFirst(object.size + 1)
    }
    return objects
  }
}
