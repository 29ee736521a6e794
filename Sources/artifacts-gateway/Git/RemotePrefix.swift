import ArtifactsAPI
import Gateway
import HTTPTransport

/// What the URLs of some remotes begin with, and the path of the gateway that stands for it.
struct RemotePrefix: Hashable, Sendable {
  /// `https://<account>.artifacts.cloudflare.net/git/`
  let remote: String
  /// `/git/`, or `/git/<namespace>/`
  let path: String

  /// The remotes on the hosts of the service.
  /// - Parameter hosts: names, and `*.` with a suffix, which has the account's id before it.
  static func onHosts(_ hosts: [String], account: String, namespace: String) -> [RemotePrefix] {
    hosts.flatMap { host in
      below("https://\(host.hasPrefix("*.") ? account + host.dropFirst() : host)/git/", namespace)
    }
  }

  /// The remotes of a template with `{namespace}/{repo}` or `{repo}` at its end; none for others.
  static func ofTemplate(_ template: String, account: String, namespace: String) -> [RemotePrefix] {
    let text = template.split(separator: "{account}", omittingEmptySubsequences: false).joined(separator: account)
    let beginning = String(text.prefix { $0 != "{" })
    let rest = text.dropFirst(beginning.count)
    if rest == "{namespace}/{repo}" || rest == "{namespace}/{repo}.git" { return below(beginning, namespace) }
    if rest == "{repo}" || rest == "{repo}.git" { return [RemotePrefix(remote: beginning, path: "/git/\(namespace)/")] }
    return []
  }

  /// All namespaces below `remote`. The one that is named has a prefix of its own: of two rules git takes the longer one, and
  /// of equal ones the first, which may be an old one of the user's.
  static func below(_ remote: String, _ namespace: String) -> [RemotePrefix] {
    [
      RemotePrefix(remote: "\(remote)\(namespace)/", path: "/git/\(namespace)/"),
      RemotePrefix(remote: remote, path: "/git/"),
    ]
  }
}

extension ServeConfiguration {
  /// What the remotes begin with that the gateway stands for.
  /// - Parameter effective: the gateway's configuration; in local mode that with the embedded service.
  func remotePrefixes(_ effective: GatewayConfiguration) -> [RemotePrefix] {
    let (account, namespace) = (accountID ?? "", effective.namespace)
    if let template = effective.remoteTemplate {
      return RemotePrefix.ofTemplate(template, account: account, namespace: namespace)
    }
    // In local mode the embedded service stands in for the real one.
    let hosts = gateway.allowedRemoteHosts
    var prefixes = RemotePrefix.onHosts(hosts, account: account, namespace: namespace)
    let base = effective.endpoint.base.origin
    if !base.isSecure { prefixes += RemotePrefix.below("\(base)/git/", namespace) }
    return prefixes
  }
}
