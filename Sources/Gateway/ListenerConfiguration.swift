package import EventLoop
import HTTPTransport
package import TLS

/// One address to listen on.
package struct ListenerConfiguration: Sendable {
  package let address: SocketAddress
  /// A socket that listens there already; nil is made.
  package let socket: ListeningSocket?
  /// Nil is in the clear.
  package let tls: TLSServerFiles?
  /// Serves the admin API and the status page, and no git.
  package let isAdmin: Bool

  package init(
    _ address: SocketAddress, socket: ListeningSocket? = nil, tls: TLSServerFiles? = nil, isAdmin: Bool = false
  ) {
    self.address = address
    self.socket = socket
    self.tls = tls
    self.isAdmin = isAdmin
  }

  /// What a listener is called: its number, and whether it is an admin listener.
  static func tag(_ number: Int, isAdmin: Bool) -> Int { number << 1 | (isAdmin ? 1 : 0) }

  static func number(ofTag tag: Int) -> Int { tag >> 1 }
}

extension ListenerInfo {
  /// It serves the admin API and the status page, and no git.
  var isAdmin: Bool { tag & 1 != 0 }
}
