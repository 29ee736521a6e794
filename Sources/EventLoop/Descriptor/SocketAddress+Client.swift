extension SocketAddress {
  /// What stands for everybody who can have this address: without the port, IPv4 as such where a dual-stack socket shows it as
  /// IPv6 (RFC 4291 section 2.5.5.2), and of IPv6 the network of 64 bits, since whoever has one address of it has them all.
  package var client: SocketAddress {
    switch self {
    case .v4(let address, _): .v4(address, port: 0)
    case .v6(0, let low, _, _) where low >> 32 == 0xffff: .v4(UInt32(truncatingIfNeeded: low), port: 0)
    case .v6(let network, _, _, _): .v6(network, 0, port: 0, scope: 0)
    case .unix: self
    }
  }
}
