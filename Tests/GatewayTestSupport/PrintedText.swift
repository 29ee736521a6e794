package import EventLoop

/// The text that another process prints, as far as it has come. Lives on a loop.
package actor PrintedText {
  private let loop: Loop
  private var bytes: [UInt8] = []
  private var isOver = false
  private var watchers: [(needle: String, continuation: CheckedContinuation<String?, Never>)] = []

  package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  package init(on loop: Loop) { self.loop = loop }

  package var text: String { String(decoding: bytes, as: UTF8.self) }

  /// Waits for a whole line with this in it. Throws when the process ends before.
  package func line(containing needle: String) async throws -> String {
    // Looked at again inside, since getting there may let others in.
    let line = await withCheckedContinuation { (continuation: CheckedContinuation<String?, Never>) in
      if let line = find(needle) {
        continuation.resume(returning: line)
      } else if isOver {
        continuation.resume(returning: nil)
      } else {
        watchers.append((needle, continuation))
      }
    }
    guard let line else { throw TestFailure("it ended without \(needle): \(text)") }
    return line
  }

  private func find(_ needle: String) -> String? {
    let whole = bytes[..<((bytes.lastIndex(of: 10) ?? -1) + 1)]
    return whole.split(separator: 10).lazy.map { String(decoding: $0, as: UTF8.self) }.first { $0.contains(needle) }
  }

  /// Reads to the end of the stream. Owns `descriptor`.
  func read(_ descriptor: CInt) async {
    guard let channel = try? Channel(OwnedDescriptor(owning: descriptor), on: loop) else { return }
    let block = loop.buffers.take()
    while let result = try? channel.read(into: block), result != .endOfStream {
      if case .bytes(let count) = result { take(block[..<count]) }
      if result == .wouldBlock { try? await channel.waitUntilReadable(for: .seconds(600)) }
    }
    loop.buffers.give(block)
    channel.close()
    isOver = true
    for watcher in watchers { watcher.continuation.resume(returning: nil) }
    watchers.removeAll()
  }

  private func take(_ more: Slice<UnsafeMutableRawBufferPointer>) {
    bytes += more
    for watcher in watchers {
      if let line = find(watcher.needle) { watcher.continuation.resume(returning: line) }
    }
    watchers.removeAll { find($0.needle) != nil }
  }
}
