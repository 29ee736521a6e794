import EventLoop
import Glibc

/// Whole reads and writes on a child's streams. A child may be silent for long: counting a big repo takes minutes.
extension Channel {
  static let childIdle = Duration.seconds(600)

  /// Reads what there is, at least one byte, waiting if need be. Returns nil at the end of the stream.
  func next(into block: UnsafeMutableRawBufferPointer) async throws(ChannelError) -> UnsafeRawBufferPointer? {
    while true {
      switch try read(into: block) {
      case .bytes(let count): return UnsafeRawBufferPointer(rebasing: block[..<count])
      case .endOfStream: return nil
      case .wouldBlock: try await waitUntilReadable(for: Self.childIdle)
      }
    }
  }

  /// Reads to the end and keeps the first `limit` bytes; the rest is read and dropped, so that the child never waits.
  func collect(keeping limit: Int) async throws(ChannelError) -> [UInt8] {
    let block = loop.buffers.take()
    defer { loop.buffers.give(block) }
    var kept: [UInt8] = []
    while let bytes = try await next(into: block) {
      kept.append(contentsOf: bytes.prefix(limit - kept.count))
    }
    return kept
  }

  /// Writes all of `bytes`, which the caller keeps until this returns. Returns false when the child reads no more: what
  /// it thinks of that it says itself.
  func send(_ bytes: UnsafeRawBufferPointer) async throws(ChannelError) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
      do throws(ChannelError) {
        switch try write(rest) {
        case .bytes(let count): rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        case .wouldBlock, .endOfStream: try await waitUntilWritable(for: Self.childIdle)
        }
      } catch {
        if case .system(let failure) = error, failure.code == EPIPE || failure.code == ECONNRESET { return false }
        throw error
      }
    }
    return true
  }

  /// Writes all of `bytes` in blocks, as `send(_:)` for borrowed ones does.
  func send(_ bytes: [UInt8]) async throws(ChannelError) -> Bool {
    let block = loop.buffers.take()
    defer { loop.buffers.give(block) }
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + block.count)
      block.copyBytes(from: bytes[start..<end])
      guard try await send(UnsafeRawBufferPointer(rebasing: block[..<(end - start)])) else { return false }
      start = end
    }
    return true
  }
}
