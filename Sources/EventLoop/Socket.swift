import CLinux
import Glibc

/// Sockets as this project makes them: non-blocking, closed on exec, without Nagle's delay.
package enum Socket {
  private static let streamFlags =
    CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)

  /// A new stream socket for the family of `address`.
  static func stream(for address: SocketAddress) throws(SystemError) -> OwnedDescriptor {
    let number = socket(address.family, streamFlags, 0)
    guard number >= 0 else { throw SystemError("socket") }
    let descriptor = OwnedDescriptor(owning: number)
    if address.port != nil { disableDelay(number) }
    return descriptor
  }

  /// A connected pair of Unix sockets. Both ends are closed on exec and block, or not, as asked.
  package static func pair(nonBlocking: Bool = true) throws(SystemError) -> SocketPair {
    var numbers: [CInt] = [-1, -1]
    let flags =
      CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | (nonBlocking ? CInt(SOCK_NONBLOCK.rawValue) : 0)
    guard socketpair(AF_UNIX, flags, 0, &numbers) == 0 else { throw SystemError("socketpair") }
    return SocketPair(first: OwnedDescriptor(owning: numbers[0]), second: OwnedDescriptor(owning: numbers[1]))
  }

  /// Switches a descriptor between blocking and non-blocking, for ends that are handed to a child process.
  package static func setNonBlocking(_ enabled: Bool, _ descriptor: borrowing OwnedDescriptor) {
    let flags = fcntl(descriptor.rawValue, F_GETFL)
    _ = fcntl(descriptor.rawValue, F_SETFL, enabled ? flags | O_NONBLOCK : flags & ~O_NONBLOCK)
  }

  static func disableDelay(_ number: CInt) {
    var on: CInt = 1
    setsockopt(number, CInt(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<CInt>.size))
  }
}

/// Two ends of one connection. A struct, since tuples cannot hold what cannot be copied.
@frozen package struct SocketPair: ~Copyable {
  package var first: OwnedDescriptor
  package var second: OwnedDescriptor
}
