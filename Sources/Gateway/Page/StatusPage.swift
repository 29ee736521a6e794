import ArtifactsAPI
import EventLoop
import HTTPCore
import HTTPTransport
import PackCache

/// The page at `/`: what this is, how to use it, and how it is doing.
struct StatusPage: Sendable {
  let configuration: GatewayConfiguration
  let source: StatusSource

  /// - Parameter readsAll: no rule keeps any repo from whoever asks.
  func send(on exchange: ServerExchange, readsAll: Bool) async throws(TransportError) {
    let isPrivate = readsAll && isLocal(exchange.listener)
    let page = StatusDocument(
      figures: await source.figures(), lines: lines(for: exchange, isPrivate), isPrivate: isPrivate,
      namespace: configuration.namespace)
    try await exchange.respond(status: 200, fields: Self.fields, body: Array(page.whole.text.utf8))
  }

  /// Whoever reads the page is on this machine or at the admin address: repos may be named, and what went wrong with them.
  private func isLocal(_ listener: ListenerInfo) -> Bool { listener.address.isLoopback || listener.isAdmin }

  /// What a reader pastes into a terminal.
  private func lines(for exchange: ServerExchange, _ isPrivate: Bool) -> StatusDocument.Lines {
    let git = PublicURL.git(exchange, state: source.state)
    let remotes = isPrivate ? self.remotes : "https://<account-id>.artifacts.cloudflare.net/git/"
    return StatusDocument.Lines(
      clone: "git clone \(git)/git/<repo>", create: "curl -X PUT \(PublicURL.base(exchange))/api/v1/repos/<repo>",
      rewrite: remotes.map { "git config --global url.\"\(git)/git/\".insteadOf \"\($0)\"" })
  }

  /// What the URLs of the service's remotes begin with; nil where a template says something else.
  private var remotes: String? {
    if configuration.remoteTemplate != nil { return nil }
    let account = configuration.endpoint.accountID
    // The embedded service, and a stand-in on loopback, have no names that anybody has written down.
    let hosts = configuration.endpoint.base.origin.isSecure ? configuration.allowedRemoteHosts : []
    let host = hosts.first ?? "*.artifacts.cloudflare.net"
    return "https://\(host.hasPrefix("*.") ? account + host.dropFirst() : host)/git/"
  }

  /// Nothing is fetched from elsewhere, no script or style runs but the page's own, and no other page frames it.
  private static let fields = Fields([
    (.contentType, "text/html; charset=utf-8"), (.cacheControl, "no-store"),
    (
      "content-security-policy",
      "default-src 'none'; style-src '\(source(StatusDocument.style))'; script-src '\(source(StatusDocument.script))'; "
        + "connect-src 'self'; img-src data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    ),
    ("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"),
  ])

  /// What stands for a style or script in a policy (Content Security Policy Level 3, section 2.3.1).
  private static func source(_ content: Markup) -> String {
    var digest = Digest(.sha256)
    Array(content.text.utf8).withUnsafeBytes { digest.update($0) }
    return "sha256-\(Base64.encode(digest.finish()))"
  }
}
