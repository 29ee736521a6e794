import EventLoop
import HTTPCore

/// What every request must pass, whatever its route: it names this gateway as its host, and what would change something
/// does not come from a page of another site. Confined to its loop.
final class EntryRules {
  private let hosts: HostList
  /// Values of `Host` that were found on the list.
  private var known: Set<String> = []
  /// The one that came last: clients seldom change.
  private var last: String?
  /// The list's, as of which these are.
  private var generation: UInt64 = 0
  private static let knownLimit = 64

  init(_ hosts: HostList) { self.hosts = hosts }

  /// Why a request is refused, or nil.
  ///
  /// A wrong host is 403 and not 421: that invites clients to ask again on another connection (RFC 9110 section 15.5.20),
  /// and on that they would be told the same.
  ///
  /// - Parameter peer: who asks. No browser speaks over a Unix socket, so that any host does there.
  func refusal(of request: RequestHead, from peer: SocketAddress) -> ProxyError? {
    if peer.port != nil, let host = request.fields[.host], !isKnown(host) {
      return ProxyError(
        .hostNotAllowed, status: 403,
        "this gateway does not answer to the host \"\(host)\"; use http://localhost:<port>/, or start it with "
          + "--allow-host \(Authority(host)?.host ?? "NAME")")
    }
    // A preflight is no such request: it gets 405, and no permission.
    let changes = request.method != .get && request.method != .head && request.method != .options
    return changes && BrowserGuard.isCrossSite(request) ? .crossSite : nil
  }

  private func isKnown(_ host: String) -> Bool {
    let current = hosts.generation
    if current != generation {
      generation = current
      known.removeAll()
      last = nil
    }
    if host == last { return true }
    guard isListed(host) else { return false }
    last = host
    return true
  }

  private func isListed(_ host: String) -> Bool {
    if known.contains(host) { return true }
    guard hosts.contains(host) else { return false }
    if known.count >= Self.knownLimit { known.removeAll() }
    known.insert(host)
    return true
  }
}

extension ProxyError {
  static var crossSite: ProxyError {
    ProxyError(.forbidden, status: 403, "requests from pages of another site are refused")
  }
}
