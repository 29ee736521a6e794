/// One entry of a tree as it is stored: `<mode> <name>`, a NUL and the twenty bytes of a hash.
struct TreeEntry: Equatable {
  let name: String
  /// Octal, without a leading zero.
  let mode: String
  let hash: String

  private static let hexDigits = Array("0123456789abcdef".utf8)

  /// Reads a whole tree. Returns nil when it is damaged.
  static func parse(_ content: [UInt8]) -> [TreeEntry]? {
    var entries: [TreeEntry] = []
    var rest = content[...]
    while !rest.isEmpty {
      guard let blank = rest.firstIndex(of: 0x20), let end = rest[blank...].firstIndex(of: 0), rest.endIndex - end > 20
      else { return nil }
      let hash = rest[(end + 1)...(end + 20)].flatMap { [hexDigits[Int($0 >> 4)], hexDigits[Int($0 & 15)]] }
      entries.append(
        TreeEntry(
          name: String(decoding: rest[(blank + 1)..<end], as: UTF8.self),
          mode: String(decoding: rest[..<blank], as: UTF8.self), hash: String(decoding: hash, as: UTF8.self)))
      rest = rest[(end + 21)...]
    }
    return entries
  }

  private var type: String {
    switch mode {
    case "40000": "tree"
    case "100755": "exec"
    case "120000": "symlink"
    case "160000": "gitlink"
    default: "blob"
    }
  }

  var json: JSONValue {
    .members(["name": .string(name), "mode": .string(mode), "hash": .string(hash), "type": .string(type)])
  }
}
