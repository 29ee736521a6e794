/// The address of a repository that is to be imported.
struct ImportURL: Equatable {
  /// Without a slash at the end, with `.git`, as the service keeps it.
  let text: String

  static let notHTTPS = APIFault.invalid("Must be an HTTPS URL", at: "url")
  static let notGit = APIFault(
    status: 400, code: 10104, message: "url must be an HTTPS git remote URL (e.g. https://github.com/owner/repo)",
    pointer: "/url")

  /// - Parameter allowsLoopback: also `http://` on this machine.
  /// Throws 10100 for another scheme, 10104 for what cannot be a repository: no path, credentials, a query.
  init(_ text: String, allowsLoopback: Bool) throws(APIFault) {
    let lowered = text.prefix(8).lowercased()
    let isHTTPS = lowered == "https://"
    let isHTTP = lowered.hasPrefix("http://")
    guard isHTTPS || (isHTTP && allowsLoopback), text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw Self.notHTTPS
    }
    let rest = text.dropFirst(isHTTPS ? 8 : 7)
    let authority = rest.prefix { $0 != "/" }
    var path = rest[authority.endIndex...]
    while path.hasSuffix("/") { path.removeLast() }
    guard isHTTPS || Self.isLoopback(authority) else { throw Self.notHTTPS }
    guard !authority.isEmpty, !path.isEmpty, text.utf8.count <= 2048,
      text.allSatisfy({ !"@?#\\\"<>^`{|}".contains($0) })
    else { throw Self.notGit }
    let suffix = path.hasSuffix(".git") ? "" : ".git"
    self.text = "\(isHTTPS ? "https" : "http")://\(authority)\(path)\(suffix)"
  }

  var isHTTPS: Bool { text.hasPrefix("https:") }

  private static func isLoopback(_ authority: Substring) -> Bool {
    for host in ["127.0.0.1", "localhost", "[::1]"] where authority.hasPrefix(host) {
      let port = authority.dropFirst(host.count)
      return port.isEmpty || (port.first == ":" && UInt16(port.dropFirst()) != nil)
    }
    return false
  }
}
