import COpenSSL
import EventLoop

extension TLSChannel {
  /// Waits until a read may get on, for at most `idle`. Returns at once while OpenSSL holds bytes that were not yet read.
  ///
  /// Throws `.timedOut`, `.closed` or `.system`.
  package func waitUntilReadable(for idle: Duration) async throws(TLSError) {
    guard let ssl else { throw failure(.closed) }
    // The next read says how it ended.
    if readFailure != nil || sawCloseNotify { return }
    // After a read that wanted more, what OpenSSL still holds is a part of a record, and no reason to try again.
    if readNeeds == nil, SSL_has_pending(ssl) == 1 { return }
    try await wait(readNeeds ?? .reading, for: idle)
  }

  /// Waits until a write may get on, for at most `idle`.
  ///
  /// Throws `.timedOut`, `.closed` or `.system`.
  package func waitUntilWritable(for idle: Duration) async throws(TLSError) {
    guard ssl != nil else { throw failure(.closed) }
    if writeFailure != nil { return }
    try await wait(writeNeeds ?? .writing, for: idle)
  }

  func wait(_ direction: Direction, for idle: Duration) async throws(TLSError) {
    do throws(ChannelError) {
      try await waits.wait(direction, for: idle)
    } catch {
      throw TLSError(channel: error, peer: peer)
    }
  }
}
