package import EventLoop
import HTTPCore
import Synchronization

/// The names under which the gateway answers. A web page whose own name was made to point here (DNS rebinding) is of the
/// gateway's own site to a browser, but the browser still says that name in `Host`.
///
/// Loopback is always on the list: `localhost`, 127.0.0.0/8, `::1`. So are the addresses that are listened on; behind a
/// wildcard address every numeric one is, because no name has to be looked up for those. Ports do not matter: forwarding
/// changes them.
package final class HostList: Sendable {
  private struct Listening {
    /// Names, and `*.` with a suffix for all names below it; lower-case.
    var patterns: [String] = []
    /// Those of the patterns that are addresses, in the kernel's spelling.
    var patternHosts: Set<String> = []
    /// As text in the kernel's spelling.
    var hosts: Set<String> = []
    var isAnywhere = false
  }

  private let listening = Mutex(Listening())
  private let changes = Atomic<UInt64>(0)

  /// - Parameter patterns: names that `isPattern` takes.
  package init(_ patterns: [String] = []) { set(patterns) }

  /// Counts the times that the patterns were set: what was found on the list before may no more be on it.
  var generation: UInt64 { changes.load(ordering: .acquiring) }

  /// Puts other patterns in the place of those before.
  func set(_ patterns: [String]) {
    let patterns = patterns.map { $0.lowercased() }
    let hosts = patterns.compactMap { Authority($0).flatMap { Self.numeric($0) }?.host }
    listening.withLock { listening in
      listening.patterns = patterns
      listening.patternHosts = Set(hosts)
    }
    changes.add(1, ordering: .releasing)
  }

  /// Whether an operator may put this on the list: a name or address without a port, or `*.` and a name.
  package static func isPattern(_ text: String) -> Bool {
    guard let authority = Authority(text.hasPrefix("*.") ? String(text.dropFirst(2)) : text) else { return false }
    return authority.port == nil && !text.hasSuffix(":") && !authority.host.hasPrefix(".")
      && !(text.hasPrefix("*.") && authority.isBracketed)
  }

  /// Adds an address that is listened on.
  package func add(_ address: SocketAddress) {
    listening.withLock { listening in
      switch address {
      case .v4(0, _), .v6(0, 0, _, _): listening.isAnywhere = true
      case .v4, .v6: listening.hosts.insert(address.host)
      case .unix: break
      }
    }
  }

  /// Whether the value of a `Host` field names this gateway.
  package func contains(_ value: String) -> Bool {
    guard let authority = Authority(value) else { return false }
    if let address = Self.numeric(authority) {
      return address.isLoopback
        || listening.withLock {
          $0.isAnywhere || $0.hosts.contains(address.host) || $0.patternHosts.contains(address.host)
        }
    }
    let name = authority.host.hasSuffix(".") ? authority.host.dropLast() : authority.host[...]
    return name == "localhost" || listening.withLock { $0.patterns.contains { Self.matches(name, $0) } }
  }

  private static func matches(_ name: Substring, _ pattern: String) -> Bool {
    guard pattern.hasPrefix("*.") else { return name == pattern }
    let suffix = pattern.dropFirst()
    return name.utf8.count > suffix.utf8.count && name.hasSuffix(suffix)
  }

  private static func numeric(_ authority: Authority) -> SocketAddress? {
    SocketAddress(numericHost: authority.host, port: 0)
  }
}
