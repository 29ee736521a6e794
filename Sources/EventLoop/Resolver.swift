import CLinux
@preconcurrency import Dispatch
import Glibc
import Synchronization

/// A host name that could not be turned into addresses.
package struct ResolutionError: Error, Hashable, CustomStringConvertible {
  package let host: String
  /// The text of `gai_strerror(3)`.
  package let reason: String
  package var description: String { "\(host): \(reason)" }
}

/// Host names to addresses: `getaddrinfo(3)` on threads of its own, remembered for half a minute, asked once however many
/// want to know. Failures are remembered for a second.
package final class Resolver: Sendable {
  private struct Entry {
    var lookup: Task<Result<[SocketAddress], ResolutionError>, Never>
    /// Instant of the monotonic clock, nanoseconds; `.max` while the look-up runs.
    var validUntil: UInt64
  }

  private static let entryLimit = 1024
  private static let lifetime: UInt64 = 30_000_000_000
  private static let failureLifetime: UInt64 = 1_000_000_000

  private let entries = Mutex<[String: Entry]>([:])
  private let queue = DispatchQueue(label: "resolver", attributes: .concurrent)

  package init() {}

  /// The addresses of `host` in the resolver's order of preference (RFC 6724), with `port`. Numeric hosts are not looked up.
  package func addresses(of host: String, port: UInt16) async throws(ResolutionError) -> [SocketAddress] {
    if let numeric = SocketAddress(numericHost: host, port: port) { return [numeric] }
    let now = clinux_nanoseconds(CLOCK_MONOTONIC)
    let lookup = entries.withLock { entries in
      if let entry = entries[host], now < entry.validUntil { return entry.lookup }
      if entries.count >= Self.entryLimit { entries = entries.filter { now < $0.value.validUntil } }
      if entries.count >= Self.entryLimit { entries.removeAll() }
      let lookup = Task { await resolve(host) }
      entries[host] = Entry(lookup: lookup, validUntil: .max)
      return lookup
    }
    return try await lookup.value.get().map { $0.withPort(port) }
  }

  @concurrent private func resolve(_ host: String) async -> Result<[SocketAddress], ResolutionError> {
    let result = await withCheckedContinuation { continuation in
      queue.async { continuation.resume(returning: Self.lookUp(host)) }
    }
    let found = (try? result.get()) != nil
    entries.withLock {
      $0[host]?.validUntil =
        clinux_nanoseconds(CLOCK_MONOTONIC) + (found ? Self.lifetime : Self.failureLifetime)
    }
    return result
  }

  @available(*, noasync) private static func lookUp(_ host: String) -> Result<[SocketAddress], ResolutionError> {
    var hints = addrinfo()
    hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_ADDRCONFIG
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, nil, &hints, &list)
    // The list belongs to us until freeaddrinfo below; addresses are copied out of it.
    defer { if let list { freeaddrinfo(list) } }
    guard code == 0 else {
      return .failure(ResolutionError(host: host, reason: String(cString: gai_strerror(code))))
    }
    var addresses: [SocketAddress] = []
    var next = list
    while let info = next?.pointee {
      if let pointer = info.ai_addr, let address = SocketAddress(pointer, length: info.ai_addrlen) {
        addresses.append(address)
      }
      next = info.ai_next
    }
    return addresses.isEmpty
      ? .failure(ResolutionError(host: host, reason: "no address")) : .success(addresses)
  }
}

extension SocketAddress {
  /// The same host with another port. A Unix path stays as it is.
  package func withPort(_ port: UInt16) -> SocketAddress {
    switch self {
    case .v4(let address, _): .v4(address, port: port)
    case .v6(let high, let low, _, let scope): .v6(high, low, port: port, scope: scope)
    case .unix: self
    }
  }
}
