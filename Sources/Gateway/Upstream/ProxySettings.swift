package import ArtifactsAPI
import HTTPCore
import HTTPTransport

/// The proxy that `HTTPS_PROXY` names, and where `NO_PROXY` says to do without.
package struct ProxySettings: Sendable, CustomStringConvertible {
  private let proxy: UpstreamRoutes.Proxy
  private let exceptions: [Exception]

  private struct Exception {
    /// Lower-case, without a dot in front; `*` is everything.
    let host: String
    let port: UInt16?
  }

  /// - Parameters:
  ///   - url: `http://[user:password@]host[:port]`, or without the scheme; a proxy that itself speaks TLS is not supported.
  ///   - exceptions: host names, each with all names below it, addresses, `*`; parted by commas, each with a port if wanted.
  ///
  /// Returns nil for a URL that is none of these.
  package init?(url: Secret, exceptions: String) {
    var text = url.exposed[...]
    if text.hasPrefix("http://") { text = text.dropFirst(7) }
    if text.hasSuffix("/") { text = text.dropLast() }
    var authorization: (@Sendable () -> String)?
    if let at = text.lastIndex(of: "@") {
      let parts = text[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard let user = PercentCoding.decode(parts[0]),
        let password = PercentCoding.decode(parts.count > 1 ? parts[1] : Substring())
      else { return nil }
      let credentials = Secret("Basic \(Base64.encode("\(user):\(password)".utf8))")
      authorization = { credentials.exposed }
      text = text[text.index(after: at)...]
    }
    guard let origin = OriginURL("http://\(text)"), origin.path.isEmpty else { return nil }
    proxy = UpstreamRoutes.Proxy(host: origin.origin.host, port: origin.origin.port, authorization: authorization)
    self.exceptions = exceptions.lowercased().split { $0 == "," || $0 == " " }.compactMap { Self.exception($0) }
  }

  private static func exception(_ text: Substring) -> Exception? {
    var (host, port) = (text, UInt16?.none)
    if let colon = text.lastIndex(of: ":"), let number = UInt16(text[text.index(after: colon)...]),
      text.hasPrefix("[") || text.firstIndex(of: ":") == colon
    {
      (host, port) = (text[..<colon], number)
    }
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    if host.hasPrefix("*.") { host = host.dropFirst() }
    if host.hasPrefix(".") { host = host.dropFirst() }
    return host.isEmpty ? nil : Exception(host: String(host), port: port)
  }

  /// Where it is, without its credentials.
  package var description: String { "\(proxy.host):\(proxy.port)" }

  /// The proxy for `origin`: for https only, since nothing else leaves this machine.
  func proxy(for origin: Origin) -> UpstreamRoutes.Proxy? {
    guard origin.isSecure else { return nil }
    let isException = exceptions.contains { exception in
      exception.host == "*"
        || ((exception.port == nil || exception.port == origin.port)
          && (origin.host == exception.host || origin.host.hasSuffix("." + exception.host)))
    }
    return isException ? nil : proxy
  }
}
