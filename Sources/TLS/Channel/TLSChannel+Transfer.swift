import COpenSSL
package import EventLoop

extension TLSChannel {
  /// The plaintext of one full record (RFC 8446, 5.1).
  private static let recordBytes = 16_384

  /// `SSL_read_ex(3)` into `buffer`, which the caller owns and which must not be empty, record after record until it is
  /// full or nothing more is there. Never blocks.
  ///
  /// `.endOfStream` only after the peer's close_notify. Throws `.truncated` when the stream ends without, `.violation`,
  /// `.system` or `.closed`; what came before a failure is returned first.
  package func read(into buffer: UnsafeMutableRawBufferPointer) throws(TLSError) -> IOResult {
    guard let ssl else { throw failure(.closed) }
    if let readFailure { throw readFailure }
    guard let base = buffer.baseAddress else { return .bytes(0) }
    var filled = 0
    readNeeds = nil
    while filled < buffer.count {
      var count = 0
      ErrorQueue.clear()
      if SSL_read_ex(ssl, base + filled, buffer.count - filled, &count) == 1 {
        filled += count
        // The call that would only find nothing is spared, and with it OpenSSL's making and freeing of a read buffer.
        if socketIsDrained, SSL_has_pending(ssl) == 0 {
          readNeeds = .reading
          break
        }
        continue
      }
      switch verdict(on: 0, of: ssl) {
      case .blocked(let direction):
        readNeeds = direction
        return filled > 0 ? .bytes(filled) : .wouldBlock
      case .ended:
        sawCloseNotify = true
        return filled > 0 ? .bytes(filled) : .endOfStream
      case .failed(let error):
        readFailure = error
        if filled == 0 { throw error }
        return .bytes(filled)
      }
    }
    return .bytes(filled)
  }

  /// `SSL_write_ex(3)` of as much of `bytes` as the socket takes, in records of 16 KiB. Never blocks.
  ///
  /// After `.wouldBlock`, or fewer bytes than were given, a record with the first of the remaining bytes may be on its way:
  /// the next write must begin with the same ones and be at least as long; they may have moved. Throws `.violation`,
  /// `.system` or `.closed`.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(TLSError) -> IOResult {
    guard let ssl else { throw failure(.closed) }
    if let writeFailure { throw writeFailure }
    guard let base = bytes.baseAddress, bytes.count > 0 else { return .bytes(0) }
    var sent = 0
    writeNeeds = nil
    while sent < bytes.count {
      var count = 0
      ErrorQueue.clear()
      if SSL_write_ex(ssl, base + sent, bytes.count - sent, &count) == 1 {
        sent += count
        continue
      }
      switch verdict(on: 0, of: ssl) {
      case .blocked(let direction):
        writeNeeds = direction
        return sent > 0 ? .bytes(sent) : .wouldBlock
      case .ended:
        writeFailure = failure(.closed)
      case .failed(let error):
        writeFailure = error
      }
      if sent > 0 { return .bytes(sent) }
      throw writeFailure ?? failure(.closed)
    }
    return .bytes(sent)
  }

  /// Writes the pieces in `list`, whose front is taken off by as much as went out. Neighbours that are small share a
  /// record, so that a head and a short body are one. Otherwise as `write(_:)`.
  package func write(gathering list: GatherList) throws(TLSError) -> IOResult {
    var sent = 0
    while let front = list.front {
      let size = list.byteCount
      let isAlone = front.count >= Self.recordBytes || front.count == size
      let result: IOResult
      do throws(TLSError) {
        result = isAlone ? try writeFront(front, of: list) : try writeStaged(list)
      } catch {
        // It is kept and thrown by the next call.
        if sent > 0 { return .bytes(sent) }
        throw error
      }
      guard case .bytes(let count) = result else { return sent > 0 ? .bytes(sent) : result }
      sent += count
      if writeNeeds != nil { break }
    }
    return .bytes(sent)
  }

  private func writeFront(_ front: UnsafeRawBufferPointer, of list: GatherList) throws(TLSError) -> IOResult {
    let result = try write(front)
    if case .bytes(let count) = result { list.removeFront(count) }
    return result
  }

  /// Writes one record with copies of as many pieces from the front as it takes.
  private func writeStaged(_ list: GatherList) throws(TLSError) -> IOResult {
    let pool = channel.loop.buffers
    let block = pool.take()
    defer { pool.give(block) }
    var staged = StagedPieces()
    return try withUnsafeTemporaryAllocation(of: UnsafeRawBufferPointer.self, capacity: GatherList.capacity + 1) {
      pieces throws(TLSError) -> IOResult in
      staged.take(from: list, into: block, limit: Self.recordBytes, keeping: pieces)
      var written = 0
      defer { staged.putBack(into: list, from: pieces, without: written) }
      let result = try write(UnsafeRawBufferPointer(rebasing: block[..<staged.byteCount]))
      if case .bytes(let count) = result { written = count }
      return result
    }
  }
}
