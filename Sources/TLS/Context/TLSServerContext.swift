import COpenSSL

/// What the TLS connections of a server have in common: its certificate, and the application protocols it speaks.
///
/// TLS 1.2 or later, sessions resumed by stateless tickets. Immutable; share one among all loops. To change the
/// certificate make a new context: connections keep the one they began with.
package final class TLSServerContext: Sendable {
  let handle: ContextHandle

  /// - Parameters:
  ///   - certificateFile: PEM, the server's certificate first, then its intermediates.
  ///   - keyFile: PEM, without a passphrase.
  ///   - applicationProtocols: the preferred first. A client that offers ALPN with none of them is refused
  ///     (RFC 7301, 3.2). Empty ignores the extension.
  ///   - clientAuthoritiesFile: PEM certificates of authorities. With it, a client must show a certificate that one of them
  ///     has signed, or the handshake fails.
  ///
  /// Throws `.configuration` with the file or setting that is wrong.
  package init(
    certificateFile: String, keyFile: String, applicationProtocols: [String] = [], clientAuthoritiesFile: String? = nil
  ) throws(TLSError) {
    handle = try ContextHandle(method: TLS_server_method(), applicationProtocols: applicationProtocols)
    let context = handle.pointer
    ErrorQueue.clear()
    guard SSL_CTX_use_certificate_chain_file(context, certificateFile) == 1 else {
      throw TLSError(.configuration(subject: certificateFile, reason: ErrorQueue.takeText(or: "no certificate")))
    }
    guard SSL_CTX_use_PrivateKey_file(context, keyFile, SSL_FILETYPE_PEM) == 1,
      SSL_CTX_check_private_key(context) == 1
    else { throw TLSError(.configuration(subject: keyFile, reason: ErrorQueue.takeText(or: "no key"))) }
    // Tickets carry the whole session, so nothing has to be remembered here.
    copenssl_ctx_set_session_cache_mode(context, CLong(SSL_SESS_CACHE_OFF))
    if let clientAuthoritiesFile { try Self.demandCertificates(of: clientAuthoritiesFile, context) }
    guard !handle.protocols.bytes.isEmpty else { return }
    // Unretained: connections hold the handle, which owns the list, as long as their SSL can call back.
    SSL_CTX_set_alpn_select_cb(
      context,
      { _, selected, selectedLength, offered, offeredLength, list in
        guard let list, let selected, let selectedLength else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        let spoken = Unmanaged<ProtocolList>.fromOpaque(list).takeUnretainedValue().bytes
        var choice: UnsafeMutablePointer<UInt8>?
        var length: UInt8 = 0
        let result = SSL_select_next_proto(
          &choice, &length, spoken.baseAddress, CUnsignedInt(spoken.count), offered, offeredLength)
        guard result == OPENSSL_NPN_NEGOTIATED else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        selected.pointee = UnsafePointer(choice)
        selectedLength.pointee = length
        return SSL_TLSEXT_ERR_OK
      }, Unmanaged.passUnretained(handle.protocols).toOpaque())
  }

  private static func demandCertificates(of file: String, _ context: OpaquePointer) throws(TLSError) {
    guard SSL_CTX_load_verify_file(context, file) == 1, let names = SSL_load_client_CA_file(file) else {
      throw TLSError(.configuration(subject: file, reason: ErrorQueue.takeText(or: "no certificates")))
    }
    // Owned by the context from here on. Clients with several certificates choose by these names.
    SSL_CTX_set_client_CA_list(context, names)
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    // Sessions of verified clients are resumed only where they began (SSL_CTX_set_session_id_context(3)).
    let name: StaticString = "artifacts-gateway"
    _ = SSL_CTX_set_session_id_context(context, name.utf8Start, CUnsignedInt(name.utf8CodeUnitCount))
  }
}
