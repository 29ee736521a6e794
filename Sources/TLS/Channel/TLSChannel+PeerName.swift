import COpenSSL

/// What a peer's certificate calls the peer.
package enum CertificateName: Hashable, Sendable {
  /// It has shown none, or none that was verified.
  case none
  /// It has shown one whose name does not do: there is none, or one that is too long, no UTF-8, or holds control characters.
  case unusable
  case name(String)
}

extension TLSChannel {
  /// The longest name taken, bytes.
  private static let nameLimit = 256

  /// The name in the peer's verified certificate: its first alternative name that is a DNS name, URI or mail address, else its
  /// common name (RFC 5280 section 4.2.1.6). Ask after the handshake.
  package var peerCertificateName: CertificateName {
    // Without a verification in the context, OpenSSL calls whatever there is verified; so it is asked what was demanded.
    guard let ssl, SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER != 0, let certificate = SSL_get0_peer_certificate(ssl),
      SSL_get_verify_result(ssl) == CLong(X509_V_OK)
    else { return .none }
    // The certificate stays OpenSSL's; the name is copied out of it.
    let name = withUnsafeTemporaryAllocation(byteCount: Self.nameLimit, alignment: 1) { buffer -> String? in
      let count = copenssl_certificate_name(
        certificate, buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), CInt(buffer.count))
      guard count > 0 else { return nil }
      return String(validating: buffer.prefix(Int(count)), as: UTF8.self)
    }
    // A broken name leaves an error behind, which is nobody else's.
    ErrorQueue.clear()
    guard let name, !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
      return .unusable
    }
    return .name(name)
  }
}
