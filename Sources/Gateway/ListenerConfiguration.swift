package import EventLoop
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

  /// The tag of admin listeners; others have 0.
  static let adminTag = 1
}
