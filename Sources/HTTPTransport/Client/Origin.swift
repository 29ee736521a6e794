import HTTPCore

/// The origin side of a connection: what two requests must share to share a connection.
package struct Origin: Hashable, Sendable, CustomStringConvertible {
  package let isSecure: Bool
  /// A name or a numeric address without brackets, lower-case.
  package let host: String
  package let port: UInt16

  package init(isSecure: Bool, host: String, port: UInt16) {
    self.isSecure = isSecure
    self.host = host
    self.port = port
  }

  /// The value of `Host`: the port is left out where it is the scheme's own.
  package var authority: String {
    let name = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
    return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
  }

  package var description: String { "\(isSecure ? "https" : "http")://\(authority)" }
}

/// An absolute http or https URL, split. No userinfo, no fragment.
package struct OriginURL: Hashable, Sendable {
  package let origin: Origin
  /// The path as it stands, without a slash at its end; empty for the root.
  package let path: String

  /// Reads `https://host[:port][/path]`. Returns nil for userinfo, query, fragment, blanks, controls, a host that cannot be
  /// one, port 0, dot segments, or another scheme.
  package init?(_ text: String) {
    let isSecure: Bool
    var rest: Substring
    if text.hasPrefix("https://") {
      (isSecure, rest) = (true, text.dropFirst(8))
    } else if text.hasPrefix("http://") {
      (isSecure, rest) = (false, text.dropFirst(7))
    } else {
      return nil
    }
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\\") }),
      !text.utf8.contains(UInt8(ascii: "#")), !text.utf8.contains(UInt8(ascii: "?"))
    else { return nil }
    let text = rest.prefix { $0 != "/" }
    rest = rest[text.endIndex...]
    guard !text.hasSuffix(":"), let authority = Authority(text),
      let origin = Self.origin(authority, isSecure: isSecure),
      rest.split(separator: "/").allSatisfy({ $0 != "." && $0 != ".." })
    else { return nil }
    self.origin = origin
    var path = String(rest)
    while path.hasSuffix("/") { path.removeLast() }
    self.path = path
  }

  private init(origin: Origin, path: String) {
    self.origin = origin
    self.path = path
  }

  /// `http://127.0.0.1:port` and a path.
  package static func loopback(port: UInt16, path: String = "") -> OriginURL {
    OriginURL(origin: Origin(isSecure: false, host: "127.0.0.1", port: port), path: path)
  }

  private static func origin(_ authority: Authority, isSecure: Bool) -> Origin? {
    guard authority.port != 0, authority.isBracketed || !authority.host.hasPrefix(".") else { return nil }
    return Origin(isSecure: isSecure, host: authority.host, port: authority.port ?? (isSecure ? 443 : 80))
  }
}
