import EventLoop
package import TLS

/// What is known of the connection that the exchange is on.
extension ServerExchange {
  /// What the handler keeps with the connection, for its next requests; nobody else looks.
  package var connectionAttachment: AnyObject? {
    get { transport.attachment }
    set { transport.attachment = newValue }
  }

  /// What the client's verified certificate calls it. Worked out anew at each call.
  package var clientCertificateName: CertificateName { transport.peerCertificateName }

  /// The user of the process at the other end of a Unix socket. Asked of the system at each call.
  package var peerUser: UInt32? { transport.channel.peerUser }
}
