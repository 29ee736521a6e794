import COpenSSL
import EventLoop

extension TLSChannel {
  /// Sends close_notify: this side has nothing more to say, and may still listen. Best effort: when the socket is full the
  /// peer does not get it, unless `finishWriting` follows. `SSL_shutdown(3)`.
  package func closeWriting() { _ = sendCloseNotify() }

  /// Sends close_notify as `closeWriting` does, and waits until the socket has taken it, for at most `idle`. For a body
  /// whose end only the end of the stream tells.
  ///
  /// Throws what had ended writing before, `.timedOut`, `.closed` or `.system`.
  package func finishWriting(for idle: Duration) async throws(TLSError) {
    while true {
      switch sendCloseNotify() {
      case nil: return
      case .blocked(let direction): try await wait(direction, for: idle)
      case .ended: throw failure(.closed)
      case .failed(let error): throw error
      }
    }
  }

  /// Nil when close_notify is out.
  private func sendCloseNotify() -> Verdict? {
    guard let ssl else { return .failed(failure(.closed)) }
    switch closeNotify {
    case .sent: return nil
    case .unsent:
      if let writeFailure { return .failed(writeFailure) }
      // OpenSSL takes a shutdown within a handshake for an error.
      guard isEstablished else { return .failed(failure(.closed)) }
      writeFailure = failure(.closed)
    case .pending: break
    }
    ErrorQueue.clear()
    let result = SSL_shutdown(ssl)
    // Once it is out another call would read, and take away what the reader is to get.
    closeNotify = result >= 0 ? .sent : .pending
    return result >= 0 ? nil : verdict(on: result, of: ssl)
  }

  /// How far this side's close_notify has come.
  enum CloseNotify { case unsent, pending, sent }
}
