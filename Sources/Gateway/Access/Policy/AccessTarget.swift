/// What a request wants to do something with.
package enum AccessTarget: Hashable, Sendable, CustomStringConvertible {
  case repo(RepoKey)
  /// A namespace with all repos that are, and will be, in it.
  case namespace(String)
  /// All there is, and the process.
  case gateway

  package var description: String {
    switch self {
    case .repo(let repo): repo.description
    case .namespace(let name): "namespace \(name)"
    case .gateway: "this gateway"
    }
  }

  /// A repo as rules see it. Whether the service tells `Web` from `web`, and `web.git` from `web`, is not known; so rules do
  /// not, and no other spelling leads past them.
  static func canonical(_ repo: RepoKey) -> [UInt8] {
    canonical(namespace: repo.namespace) + [UInt8(ascii: "/")] + canonical(name: repo.name)
  }

  static func canonical(namespace: String) -> [UInt8] { namespace.utf8.map(lowercase) }

  static func canonical(name: String) -> [UInt8] {
    var bytes = name.utf8.map(lowercase)
    while bytes.count > dotGit.count, bytes.suffix(dotGit.count).elementsEqual(dotGit) { bytes.removeLast(dotGit.count) }
    return bytes
  }

  private static let dotGit = Array(".git".utf8)

  private static func lowercase(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }
}
