import CLinux
import Glibc

/// A bound, listening socket that all loops accept from.
package final class ListeningSocket: Sendable {
  /// Where it listens, with the port that the kernel chose when 0 was asked for.
  package let address: SocketAddress
  private let descriptor: OwnedDescriptor
  /// The file of a Unix socket, which goes with it.
  private let file: SocketFile?

  /// Binds and listens.
  ///
  /// A stale Unix socket, one that nobody answers on, is replaced. Its mode is 0600.
  package init(binding address: SocketAddress, backlog: CInt = 1024) throws(SystemError) {
    let descriptor = try Socket.stream(for: address)
    let number = descriptor.rawValue
    var on: CInt = 1
    let size = socklen_t(MemoryLayout<CInt>.size)
    if case .unix(let path) = address {
      Self.removeStale(path, address)
    } else {
      setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &on, size)
      if case .v6 = address { setsockopt(number, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &on, size) }
    }
    // Set before the bind, which hands it on, so that the socket file is never open to others, not for a moment; and not by
    // the umask, which is every thread's.
    if address.port == nil, fchmod(number, 0o600) != 0 { throw SystemError("fchmod") }
    guard address.withSockaddr({ bind(number, $0, $1) }) == 0 else { throw SystemError("bind") }
    guard listen(number, backlog) == 0 else { throw SystemError("listen") }
    self.address = SocketAddress.local(of: descriptor) ?? address
    self.descriptor = descriptor
    if case .unix(let path) = address { file = SocketFile(path) } else { file = nil }
  }

  /// Takes over a stream socket that another process has made to listen, such as systemd. The file of a Unix socket stays when
  /// this process ends.
  /// - Throws: `ENOTSOCK` and its like for what is no such socket.
  package init(adopting descriptor: consuming OwnedDescriptor) throws(SystemError) {
    let number = descriptor.rawValue
    guard try Self.option(SO_TYPE, of: number) == CInt(SOCK_STREAM.rawValue),
      try Self.option(SO_ACCEPTCONN, of: number) == 1
    else { throw SystemError("getsockopt", EINVAL) }
    guard let address = SocketAddress.local(of: descriptor) else { throw SystemError("getsockname") }
    Socket.setNonBlocking(true, descriptor)
    _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    self.address = address
    self.descriptor = descriptor
    file = nil
  }

  private static func option(_ name: CInt, of number: CInt) throws(SystemError) -> CInt {
    var value: CInt = 0
    var length = socklen_t(MemoryLayout<CInt>.size)
    guard getsockopt(number, SOL_SOCKET, name, &value, &length) == 0 else { throw SystemError("getsockopt") }
    return value
  }

  deinit {
    file?.remove()
  }

  private static func removeStale(_ path: String, _ address: SocketAddress) {
    // A plain file refuses connections, too, and is somebody's.
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
    // Must not block: a live server may be too busy to take the probe.
    guard let probe = try? Socket.stream(for: address) else { return }
    let number = probe.rawValue
    let refused = address.withSockaddr { connect(number, $0, $1) } != 0 && errno == ECONNREFUSED
    if refused { unlink(path) }
  }

  /// `accept4(2)`. Returns nil when nobody is waiting.
  func accept() throws(SystemError) -> AcceptedSocket? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let flags = CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
    let listening = descriptor.rawValue
    let (number, peer) = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        let number = retryingOnInterrupt { accept4(listening, pointer, &length, flags) }
        return (number, number >= 0 ? SocketAddress(pointer, length: length) : nil)
      }
    }
    guard number >= 0 else {
      let code = errno
      // The last two: a connection that was gone before it was taken, which is no fault of the listener.
      if code == EAGAIN || code == ECONNABORTED || code == EPROTO { return nil }
      throw SystemError("accept4", code)
    }
    if address.port != nil { Socket.disableDelay(number) }
    return AcceptedSocket(descriptor: OwnedDescriptor(owning: number), peer: peer ?? .unix(""))
  }

  fileprivate var number: CInt { descriptor.rawValue }
}

/// The file that a Unix socket was bound to.
private struct SocketFile: Sendable {
  private let path: String
  private let device: dev_t
  private let number: ino_t

  init?(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    self.path = path
    device = status.st_dev
    number = status.st_ino
  }

  /// Removes it, unless another process has put its own in its place.
  func remove() {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_dev == device, status.st_ino == number else { return }
    unlink(path)
  }
}

/// A connection fresh from the kernel.
@frozen package struct AcceptedSocket: ~Copyable {
  package var descriptor: OwnedDescriptor
  package let peer: SocketAddress
}

/// One loop's share in a listening socket.
///
/// Out of descriptors (EMFILE, ENFILE) or memory it stops listening for a tenth of a second instead of spinning on a
/// readiness that it cannot serve. Confined to its loop.
package final class Acceptor: EventHandler {
  private static let acceptsPerEvent = 16
  private static let pause = Duration.milliseconds(100)

  private let socket: ListeningSocket
  private let loop: Loop
  private var registration: Registration?
  private let onAccept: (consuming AcceptedSocket) -> Void
  private let onExhausted: (SystemError) -> Void
  private lazy var resumption = Deadline(on: loop) { [unowned self] in try? resume() }
  private var stopped = false

  /// - Parameters:
  ///   - onAccept: takes each new connection.
  ///   - onExhausted: told once for each pause, with the reason.
  package init(
    _ socket: ListeningSocket, on loop: Loop, onAccept: @escaping (consuming AcceptedSocket) -> Void,
    onExhausted: @escaping (SystemError) -> Void
  ) throws(SystemError) {
    self.socket = socket
    self.loop = loop
    self.onAccept = onAccept
    self.onExhausted = onExhausted
    try resume()
  }

  private func resume() throws(SystemError) {
    guard !stopped, registration == nil else { return }
    registration = try loop.register(socket.number, listening: true, handler: self)
  }

  private func suspend() {
    guard let registration else { return }
    loop.deregister(socket.number, registration)
    self.registration = nil
  }

  package func handle(_ readiness: Readiness) {
    for _ in 0..<Self.acceptsPerEvent {
      do throws(SystemError) {
        guard let accepted = try socket.accept() else { return }
        onAccept(accepted)
      } catch {
        suspend()
        resumption.set(after: Self.pause)
        onExhausted(error)
        return
      }
    }
  }

  /// Accepts no more. The socket itself closes when its last owner lets go.
  package func stop() {
    stopped = true
    resumption.clear()
    suspend()
  }
}
