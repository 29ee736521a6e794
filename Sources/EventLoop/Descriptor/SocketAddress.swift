import CLinux
import Glibc

/// Where a socket listens or connects: IPv4, IPv6 or a Unix path.
package enum SocketAddress: Hashable, Sendable, CustomStringConvertible {
  /// Address in network order of significance (127.0.0.1 is 0x7f000001) and port.
  case v4(UInt32, port: UInt16)
  /// The sixteen bytes as two big-endian words, port and scope id.
  case v6(UInt64, UInt64, port: UInt16, scope: UInt32)
  /// A path of a Unix stream socket, at most 107 bytes. Empty for an unnamed peer.
  case unix(String)

  /// Reads `127.0.0.1:7080`, `[::1]:7080`, `localhost:0` (as 127.0.0.1) or `unix:/path`. Returns nil for anything else.
  package init?(parsing text: String) {
    if text.hasPrefix("unix:") {
      let path = String(text.dropFirst(5))
      guard !path.isEmpty, path.utf8.count < 108, !path.utf8.contains(0) else { return nil }
      self = .unix(path)
      return
    }
    guard let colon = text.lastIndex(of: ":") else { return nil }
    let digits = text[text.index(after: colon)...]
    guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let port = UInt16(digits) else {
      return nil
    }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = String(host.dropFirst().dropLast())
      guard host.utf8.contains(UInt8(ascii: ":")) else { return nil }
    } else if host.utf8.contains(UInt8(ascii: ":")) {
      return nil
    }
    self.init(numericHost: host == "localhost" ? "127.0.0.1" : host, port: port)
  }

  /// Reads a numeric IPv4 or IPv6 address without brackets. Returns nil when it is a name.
  package init?(numericHost host: String, port: UInt16) {
    // C would take the text for ended there.
    guard !host.utf8.contains(0) else { return nil }
    var v4 = in_addr()
    if inet_pton(AF_INET, host, &v4) == 1 {
      self = .v4(UInt32(bigEndian: v4.s_addr), port: port)
      return
    }
    var v6 = in6_addr()
    guard inet_pton(AF_INET6, host, &v6) == 1 else { return nil }
    self.init(v6, port: port, scope: 0)
  }

  private init(_ address: in6_addr, port: UInt16, scope: UInt32) {
    let (high, low) = withUnsafeBytes(of: address) {
      (
        UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)),
        UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      )
    }
    self = .v6(high, low, port: port, scope: scope)
  }

  /// Copies an address that the kernel or the resolver filled in. Returns nil for families other than these three.
  init?(_ address: UnsafePointer<sockaddr>, length: socklen_t) {
    // The pointer is valid for `length` bytes for the duration of this call: the caller owns it.
    let raw = UnsafeRawPointer(address)
    switch CInt(address.pointee.sa_family) {
    case AF_INET where length >= socklen_t(MemoryLayout<sockaddr_in>.size):
      let value = raw.loadUnaligned(as: sockaddr_in.self)
      self = .v4(UInt32(bigEndian: value.sin_addr.s_addr), port: UInt16(bigEndian: value.sin_port))
    case AF_INET6 where length >= socklen_t(MemoryLayout<sockaddr_in6>.size):
      let value = raw.loadUnaligned(as: sockaddr_in6.self)
      self.init(value.sin6_addr, port: UInt16(bigEndian: value.sin6_port), scope: value.sin6_scope_id)
    case AF_UNIX:
      let offset = MemoryLayout<sa_family_t>.size
      let bytes = UnsafeRawBufferPointer(start: raw + offset, count: max(0, Int(length) - offset))
      self = .unix(String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self))
    default:
      return nil
    }
  }

  /// The address family for `socket(2)`.
  package var family: CInt {
    switch self {
    case .v4: AF_INET
    case .v6: AF_INET6
    case .unix: AF_UNIX
    }
  }

  package var port: UInt16? {
    switch self {
    case .v4(_, let port), .v6(_, _, let port, _): port
    case .unix: nil
    }
  }

  /// 127.0.0.0/8, ::1, its IPv4-mapped form, and Unix sockets: nobody off this machine can be at the other end.
  package var isLoopback: Bool {
    switch self {
    case .v4(let address, _): address >> 24 == 127
    case .v6(0, 1, _, _): true
    case .v6(0, let low, _, _): low >> 32 == 0xffff && (low >> 24) & 0xff == 127
    case .v6: false
    case .unix: true
    }
  }

  /// Lends the C form for a system call; the pointer is valid inside `body` only.
  func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    var storage = sockaddr_storage()
    let length: socklen_t
    switch self {
    case .v4(let address, let port):
      var value = sockaddr_in()
      value.sin_family = sa_family_t(AF_INET)
      value.sin_port = port.bigEndian
      value.sin_addr.s_addr = address.bigEndian
      length = socklen_t(MemoryLayout<sockaddr_in>.size)
      withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: value, as: sockaddr_in.self) }
    case .v6(let high, let low, let port, let scope):
      var value = sockaddr_in6()
      value.sin6_family = sa_family_t(AF_INET6)
      value.sin6_port = port.bigEndian
      value.sin6_scope_id = scope
      withUnsafeMutableBytes(of: &value.sin6_addr) {
        $0.storeBytes(of: high.bigEndian, as: UInt64.self)
        $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
      }
      length = socklen_t(MemoryLayout<sockaddr_in6>.size)
      withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: value, as: sockaddr_in6.self) }
    case .unix(let path):
      let offset = MemoryLayout<sa_family_t>.size
      let bytes = Array(path.utf8.prefix(107))
      withUnsafeMutableBytes(of: &storage) {
        $0.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
        UnsafeMutableRawBufferPointer(rebasing: $0[offset...]).copyBytes(from: bytes)
      }
      length = socklen_t(offset + bytes.count + 1)
    }
    return withUnsafePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
    }
  }

  /// The numeric host without brackets or port; the path of a Unix socket.
  package var host: String {
    switch self {
    case .v4(let address, _):
      "\(address >> 24).\((address >> 16) & 0xff).\((address >> 8) & 0xff).\(address & 0xff)"
    case .v6(let high, let low, _, _): Self.format(high, low)
    case .unix(let path): path
    }
  }

  package var description: String {
    switch self {
    case .v4(_, let port): "\(host):\(port)"
    case .v6(_, _, let port, _): "[\(host)]:\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }

  private static func format(_ high: UInt64, _ low: UInt64) -> String {
    var address = in6_addr()
    withUnsafeMutableBytes(of: &address) {
      $0.storeBytes(of: high.bigEndian, as: UInt64.self)
      $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
      guard inet_ntop(AF_INET6, &address, buffer.baseAddress, socklen_t(buffer.count)) != nil,
        let base = buffer.baseAddress
      else { return "::" }
      return String(cString: base)
    }
  }

  /// The local address of a bound socket, or nil when it cannot be told.
  package static func local(of descriptor: borrowing OwnedDescriptor) -> SocketAddress? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let number = descriptor.rawValue
    return withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getsockname(number, $0, &length) == 0 ? SocketAddress($0, length: length) : nil
      }
    }
  }
}
