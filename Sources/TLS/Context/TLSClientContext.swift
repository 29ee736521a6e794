import COpenSSL

/// What the TLS connections of a client have in common: trust, application protocols, and sessions to resume.
///
/// TLS 1.2 or later. The server's chain and name are always verified. Immutable but for the session cache, which has its
/// own lock; share one among all loops.
package final class TLSClientContext: Sendable {
  let handle: ContextHandle
  let sessions = SessionCache()
  /// What its store is read from, unless that was a file of its own.
  private let systemTrust: SystemTrust?

  /// - Parameters:
  ///   - caFile: PEM certificates to trust, and no others. They need not be roots. Nil is the system's trust store
  ///     (`X509_STORE_set_default_paths(3)`), which is read only before the first handshake.
  ///   - applicationProtocols: what ALPN offers, the preferred first. Empty leaves the extension out.
  ///
  /// Throws `.configuration` with the file or setting that is wrong.
  package convenience init(caFile: String? = nil, applicationProtocols: [String] = []) throws(TLSError) {
    try self.init(applicationProtocols, caFile == nil ? .shared : nil)
    let context = handle.pointer
    ErrorQueue.clear()
    if let caFile {
      guard SSL_CTX_load_verify_file(context, caFile) == 1 else {
        throw TLSError(.configuration(subject: caFile, reason: ErrorQueue.takeText(or: "no certificates")))
      }
      X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), CUnsignedLong(X509_V_FLAG_PARTIAL_CHAIN))
    } else {
      SSL_CTX_set1_cert_store(context, SystemTrust.shared.store)
    }
  }

  /// The same trust, which is in memory once, with other application protocols.
  package convenience init(trustOf other: TLSClientContext, applicationProtocols: [String]) throws(TLSError) {
    try self.init(applicationProtocols, other.systemTrust)
    // The store has its own lock and counts its owners.
    SSL_CTX_set1_cert_store(handle.pointer, SSL_CTX_get_cert_store(other.handle.pointer))
    X509_VERIFY_PARAM_set_flags(
      SSL_CTX_get0_param(handle.pointer), X509_VERIFY_PARAM_get_flags(SSL_CTX_get0_param(other.handle.pointer)))
  }

  private init(_ applicationProtocols: [String], _ systemTrust: SystemTrust?) throws(TLSError) {
    self.systemTrust = systemTrust
    handle = try ContextHandle(method: TLS_client_method(), applicationProtocols: applicationProtocols)
    let context = handle.pointer
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    ErrorQueue.clear()
    // AES-128 first, as browsers do: it is the cheapest where the processor has AES instructions. A list that the library's
    // policy refuses leaves that policy's own.
    _ = SSL_CTX_set_ciphersuites(
      context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256")
    let offered = handle.protocols.bytes
    if !offered.isEmpty, SSL_CTX_set_alpn_protos(context, offered.baseAddress, CUnsignedInt(offered.count)) != 0 {
      throw TLSError(.configuration(subject: "application protocols", reason: ErrorQueue.takeText(or: "refused")))
    }
    // OpenSSL's own client cache finds nothing; the callback is all that is wanted of it.
    copenssl_ctx_set_session_cache_mode(context, CLong(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL))
    SSL_CTX_sess_set_new_cb(context) { ssl, session in
      if let ssl, let session { TLSChannel.of(ssl)?.keepSession(session) }
      // The reference stays with OpenSSL: the cache holds a copy.
      return 0
    }
  }

  /// Begins to read what is trusted, if a handshake had to wait for that: for use while the connection is opened.
  package func prepareTrust() { systemTrust?.prepare() }

  /// Returns when what is trusted is in memory.
  func awaitTrust() async { await systemTrust?.read() }
}
