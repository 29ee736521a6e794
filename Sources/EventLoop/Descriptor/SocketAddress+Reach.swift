extension SocketAddress {
  /// Whether the address is one of the open network: none of the special-purpose blocks of RFC 6890 (private, loopback,
  /// link-local, shared, documentation and benchmarking), no multicast, and no IPv6 form of such an IPv4 address.
  package var isGlobal: Bool {
    switch self {
    case .v4(let address, _): Self.isGlobal(v4: address)
    case .v6(let high, let low, _, _): Self.isGlobal(v6: high, low)
    case .unix: false
    }
  }

  private static func isGlobal(v4 address: UInt32) -> Bool {
    let special: [(prefix: UInt32, bits: UInt32)] = [
      (0x0000_0000, 8), (0x0a00_0000, 8), (0x6440_0000, 10), (0x7f00_0000, 8), (0xa9fe_0000, 16), (0xac10_0000, 12),
      (0xc000_0000, 24), (0xc000_0200, 24), (0xc0a8_0000, 16), (0xc612_0000, 15), (0xc633_6400, 24), (0xcb00_7100, 24),
      (0xe000_0000, 3),
    ]
    return !special.contains { address >> (32 - $0.bits) == $0.prefix >> (32 - $0.bits) }
  }

  private static func isGlobal(v6 high: UInt64, _ low: UInt64) -> Bool {
    let embedded = UInt32(truncatingIfNeeded: low)
    // IPv4-mapped and NAT64 (RFC 6052): what counts is the address inside.
    if high == 0 && low >> 32 == 0xffff { return isGlobal(v4: embedded) }
    if high == 0x0064_ff9b_0000_0000 && low >> 32 == 0 { return isGlobal(v4: embedded) }
    // Global unicast is 2000::/3 (RFC 4291 section 2.4), less documentation, 6to4 and Teredo, which lead to IPv4.
    return high >> 61 == 1 && high >> 32 != 0x2001_0db8 && high >> 48 != 0x2002 && high >> 32 != 0x2001_0000
  }
}
