package import EventLoop

/// How those who ask may show who they are. Checked by whoever fills it in.
package struct AuthenticationConfiguration: Hashable, Sendable {
  /// What one listener takes.
  package struct ListenerRule: Hashable, Sendable {
    /// As configured: a port of zero stands for the listener that was configured with zero.
    package let address: SocketAddress
    /// With `.anonymous` among them, whoever shows nothing is served as `anonymous`.
    package let accepted: Set<Identity.Source>

    package init(_ address: SocketAddress, accepted: Set<Identity.Source>) {
      self.address = address
      self.accepted = accepted
    }
  }

  /// The file with the hashes of static tokens.
  package var tokenFile: String?
  /// The file with users and the bcrypt hashes of their passwords.
  package var passwordFile: String?
  /// Names clients by the certificates that they have shown.
  package var usesCertificates = false
  /// Names clients of Unix sockets by the users of their processes.
  package var usesUnixPeers = false
  /// What a program that asks a person for a password shows him.
  package var realm = "artifacts-gateway"
  /// Listeners that take something else than all that is configured.
  package var listenerRules: [ListenerRule] = []

  package init() {}

  /// What the listener configured with `address` takes.
  /// - Parameter isVerifying: whether there are OpenID providers.
  package func accepted(on address: SocketAddress, isVerifying: Bool) -> Set<Identity.Source> {
    if let rule = listenerRules.first(where: { $0.address == address }) { return rule.accepted }
    var sources: Set<Identity.Source> = []
    if tokenFile != nil { sources.insert(.token) }
    if passwordFile != nil { sources.insert(.password) }
    if usesCertificates { sources.insert(.certificate) }
    if usesUnixPeers { sources.insert(.unix) }
    if isVerifying { sources.insert(.oidc) }
    return sources
  }
}
