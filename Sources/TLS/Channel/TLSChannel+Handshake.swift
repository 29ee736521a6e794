import COpenSSL
import EventLoop

extension TLSChannel {
  /// Brings the connection up, within `timeout` in all. `SSL_do_handshake(3)`.
  ///
  /// Throws `.verification` when the certificate is refused, `.handshake` for every other disagreement, `.timedOut`,
  /// `.closed` or `.system`. Close the channel then.
  package func handshake(timeout: Duration) async throws(TLSError) {
    let sum = channel.loop.now.addingReportingOverflow(timeout.nanoseconds)
    let due = sum.overflow ? .max : sum.partialValue
    await client?.awaitTrust()
    while true {
      guard let ssl else { throw failure(.closed) }
      ErrorQueue.clear()
      let result = SSL_do_handshake(ssl)
      if result == 1 { break }
      switch verdict(on: result, of: ssl) {
      case .blocked(let direction):
        let now = channel.loop.now
        guard now < due else { throw failure(.timedOut) }
        try await wait(direction, for: .nanoseconds(Int64(clamping: due - now)))
      case .ended: throw failure(.handshake("the peer closed the connection"))
      case .failed(let error): throw error
      }
    }
    isEstablished = true
  }

  /// What became of a call on `ssl` that did not succeed. `SSL_get_error(3)`.
  func verdict(on result: CInt, of ssl: OpaquePointer) -> Verdict {
    switch SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ: return .blocked(.reading)
    case SSL_ERROR_WANT_WRITE: return .blocked(.writing)
    case SSL_ERROR_ZERO_RETURN: return .ended
    case SSL_ERROR_SYSCALL:
      if let socketFailure { return .failed(TLSError(channel: socketFailure, peer: peer)) }
      return .failed(failure(isEstablished ? .truncated : .handshake("the peer closed the connection")))
    default: break
    }
    let truncated = ErrorQueue.tellsOfTruncation
    let text = ErrorQueue.takeText(or: "no reason given")
    if isEstablished { return .failed(failure(truncated ? .truncated : .violation(text), isFatal: true)) }
    let verified = SSL_get_verify_result(ssl)
    if verified != CLong(X509_V_OK) {
      let reason = String(cString: X509_verify_cert_error_string(verified))
      return .failed(failure(.verification(reason: reason, queue: text), isFatal: true))
    }
    return .failed(failure(.handshake(text), isFatal: true))
  }

  enum Verdict {
    case blocked(Direction)
    case ended
    case failed(TLSError)
  }

  /// - Parameter isFatal: OpenSSL is in its error state and must not be called for either direction any more.
  func failure(_ kind: TLSError.Kind, isFatal: Bool = false) -> TLSError {
    let error = TLSError(kind, peer: peer)
    if isFatal {
      readFailure = error
      writeFailure = error
    }
    return error
  }

  // MARK: What the handshake agreed on

  /// The application protocol that ALPN chose, or nil for none. `SSL_get0_alpn_selected(3)`.
  package var negotiatedProtocol: String? {
    guard let ssl else { return nil }
    var name: UnsafePointer<UInt8>?
    var length: CUnsignedInt = 0
    SSL_get0_alpn_selected(ssl, &name, &length)
    guard let name, length > 0 else { return nil }
    return String(decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
  }

  /// Whether the handshake continued an earlier session. `SSL_session_reused(3)`.
  package var wasResumed: Bool { ssl.map { SSL_session_reused($0) == 1 } ?? false }

  /// Such as "TLSv1.3"; "unknown" after `close`. `SSL_get_version(3)`.
  package var protocolVersion: String { ssl.map { String(cString: SSL_get_version($0)) } ?? "unknown" }
}
