/// The files that a server's certificate is made of.
package struct TLSServerFiles: Hashable, Sendable {
  /// PEM, the server's certificate first, then its intermediates.
  package let certificate: String
  /// PEM, without a passphrase.
  package let key: String
  /// PEM certificates of the authorities that must have signed a client's certificate; nil asks clients for none.
  package let clientAuthorities: String?

  package init(certificate: String, key: String, clientAuthorities: String? = nil) {
    self.certificate = certificate
    self.key = key
    self.clientAuthorities = clientAuthorities
  }

  var all: [String] { [certificate, key] + (clientAuthorities.map { [$0] } ?? []) }
}
