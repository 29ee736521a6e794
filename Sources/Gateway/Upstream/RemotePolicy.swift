package import HTTPTransport

/// Which remotes may be given a token: https, a host on the list, no userinfo, the scheme's own port unless the list is asked
/// for another; http only on loopback and only when allowed.
package struct RemotePolicy: Sendable {
  /// Host patterns: exact names, or `*.` and a suffix for any name below it.
  private let patterns: [String]
  private let allowsInsecure: Bool
  /// Ports other than 443 that the operator's own configuration names.
  private let trustedOrigins: Set<Origin>

  /// - Parameter trustedOrigins: taken as they are: the origins of a template or of an API that the operator wrote down.
  package init(patterns: [String], allowsInsecure: Bool, trustedOrigins: Set<Origin> = []) {
    self.patterns = patterns.map { $0.lowercased() }
    self.allowsInsecure = allowsInsecure
    self.trustedOrigins = trustedOrigins
  }

  /// Checks a `remote` that the API gave.
  /// - Returns: the URL without a slash at its end.
  /// - Throws: `.remoteRefused`, naming what is wrong.
  package func check(_ remote: String) throws(ProxyError) -> OriginURL {
    guard let url = OriginURL(remote) else {
      throw Self.refusal("it is not a plain https URL")
    }
    if trustedOrigins.contains(url.origin) { return url }
    guard matches(url.origin.host) else {
      throw Self.refusal("its host \"\(url.origin.host)\" is not allowed; see --allow-remote-host")
    }
    if url.origin.isSecure {
      // A host on the list is trusted on every port only if somebody wrote that very host down.
      guard url.origin.port == 443 || patterns.contains(url.origin.host) else {
        throw Self.refusal("its port \(url.origin.port) is not 443")
      }
      return url
    }
    guard allowsInsecure, Self.isLoopback(url.origin.host) else {
      throw Self.refusal("it is not https; see --allow-insecure-upstream")
    }
    return url
  }

  private func matches(_ host: String) -> Bool {
    patterns.contains { pattern in
      guard pattern.hasPrefix("*.") else { return pattern == host }
      let suffix = pattern.dropFirst()
      return host.count > suffix.count && host.hasSuffix(suffix)
    }
  }

  /// Whether a host as it stands in a URL can only be this machine.
  package static func isLoopback(_ host: String) -> Bool {
    host == "localhost" || host == "::1" || (host.hasPrefix("127.") && host.utf8.allSatisfy { $0 < 0x3a })
  }

  private static func refusal(_ reason: String) -> ProxyError {
    ProxyError(.remoteRefused, status: 502, "the remote that the Artifacts API gave is refused: \(reason)")
  }
}
