import COpenSSL

/// Owns one `SSL_CTX` and what its callbacks point to. Connections hold it as long as their `SSL` lives.
///
/// `@unchecked Sendable`: it is set up by one thread before it is shared and not changed afterwards, and OpenSSL counts
/// references and looks up sessions in an `SSL_CTX` under its own lock.
final class ContextHandle: @unchecked Sendable {
  let pointer: OpaquePointer
  let protocols: ProtocolList

  /// Four records of the greatest size with their headers and tags (RFC 8446, 5.2), so that one `recv(2)` brings what fills
  /// a block of 64 KiB. Allocated only while a connection has something to read.
  private static let readBufferBytes = 4 * (16_384 + 256 + 5)

  private static let outlivesExit = copenssl_outlive_exit() == 1

  /// Makes a context with what clients and servers have in common.
  init(method: OpaquePointer?, applicationProtocols: [String]) throws(TLSError) {
    _ = Self.outlivesExit
    protocols = try ProtocolList(applicationProtocols)
    ErrorQueue.clear()
    guard let context = SSL_CTX_new(method) else {
      throw TLSError(.configuration(subject: "OpenSSL", reason: ErrorQueue.takeText(or: "no memory")))
    }
    pointer = context
    guard copenssl_ctx_set_min_version(context, TLS1_2_VERSION) == 1 else {
      throw TLSError(.configuration(subject: "TLS 1.2", reason: ErrorQueue.takeText(or: "not available")))
    }
    _ = SSL_CTX_set_options(context, copenssl_op_no_renegotiation | copenssl_op_no_compression)
    copenssl_ctx_set_mode(
      context,
      CLong(SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS))
    copenssl_ctx_set_read_ahead(context)
    SSL_CTX_set_default_read_buffer_len(context, Self.readBufferBytes)
    // A key with a passphrase is an error: the default is to ask at the terminal.
    SSL_CTX_set_default_passwd_cb(context) { _, _, _, _ in 0 }
  }

  deinit { SSL_CTX_free(pointer) }
}
