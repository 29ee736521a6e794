/// A commit as it is stored (`git-cat-file(1)`, `commit`), told in the service's words.
struct Commit: Equatable {
  struct Person: Equatable {
    var name = ""
    var email = ""
    /// Unix seconds.
    var time = 0

    /// Reads `name <email> seconds zone`. What is missing stays empty: odd old commits have no e-mail, or no time.
    init(_ text: Substring) {
      guard let open = text.lastIndex(of: "<"), let close = text.lastIndex(of: ">"), open < close else {
        name = String(text)
        return
      }
      name = String(text[..<open])
      if name.hasSuffix(" ") { name.removeLast() }
      email = String(text[text.index(after: open)..<close])
      time = text[text.index(after: close)...].split(separator: " ").first.flatMap { Int($0) } ?? 0
    }

    var json: JSONValue { .members(["name": .string(name), "email": .string(email)]) }
  }

  let hash: String
  private(set) var tree = ""
  private(set) var parents: [String] = []
  private(set) var author = Person("")
  private(set) var committer = Person("")
  let message: String

  init(hash: String, _ content: ArraySlice<UInt8>) {
    self.hash = hash
    let end = content.firstRange(of: [10, 10])
    for line in content[..<(end?.lowerBound ?? content.endIndex)].split(separator: 10) {
      let text = String(decoding: line, as: UTF8.self)
      let words = text.split(separator: " ", maxSplits: 1)
      guard words.count == 2 else { continue }
      switch words[0] {
      case "tree": tree = String(words[1])
      case "parent": parents.append(String(words[1]))
      case "author": author = Person(words[1])
      case "committer": committer = Person(words[1])
      default: break
      }
    }
    // The service takes one newline off the end.
    var body = content[(end?.upperBound ?? content.endIndex)...]
    if body.last == 10 { body.removeLast() }
    message = String(decoding: body, as: UTF8.self)
  }

  /// In camelCase, unlike everything else that the service tells.
  var json: JSONValue {
    .members([
      "hash": .string(hash), "treeHash": .string(tree), "message": .string(message), "author": author.json,
      "committer": committer.json, "parents": .array(parents.map { .string($0) }),
      "authoredAt": .integer(author.time), "committedAt": .integer(committer.time),
    ])
  }
}
