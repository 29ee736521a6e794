package import TLS

/// What an upstream exchange carries.
package enum UpstreamTraffic: Sendable {
  /// Small requests and answers.
  case calls
  /// A pack, either way: as many bytes as there are.
  case packs
}

/// Which upstream exchanges try HTTP/2.
package struct HTTP2Policy: Sendable {
  /// Offers `h2` first, then `http/1.1`.
  let tls: TLSClientContext
  /// Packs go over HTTP/2, too, and not only calls.
  let carriesPacks: Bool
  /// Origins in the clear are taken to speak HTTP/2 (RFC 9113 section 3.3). Those under TLS are asked by ALPN.
  let hasPriorKnowledge: Bool

  package init(tls: TLSClientContext, carriesPacks: Bool, hasPriorKnowledge: Bool = false) {
    self.tls = tls
    self.carriesPacks = carriesPacks
    self.hasPriorKnowledge = hasPriorKnowledge
  }
}
