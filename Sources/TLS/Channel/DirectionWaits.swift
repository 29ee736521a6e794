package import EventLoop

/// A direction of a socket.
package enum Direction { case reading, writing }

/// Waits on a channel for two tasks, each of which may need either direction.
///
/// A channel takes one waiter for each direction. OpenSSL may want to write before it can read (and the other way round),
/// when the peer's key update is half done; then both tasks need the same direction and the second waits for the first.
/// The peer can bring this about, so it must not trap. Confined to the channel's loop.
package final class DirectionWaits {
  private let channel: Channel
  private var readerWaits = false
  private var writerWaits = false
  /// At most one: it needs the direction that the other task waits for.
  private var second: UnsafeContinuation<Bool, Never>?
  private lazy var deadline = Deadline(on: channel.loop) { [unowned self] in resumeSecond(false) }

  package init(_ channel: Channel) { self.channel = channel }

  /// Waits until `direction` may get on, for at most `idle`. May come back too early. Throws as the channel's waits do.
  package func wait(_ direction: Direction, for idle: Duration) async throws(ChannelError) {
    switch direction {
    case .reading:
      if readerWaits { return try await waitAsSecond(for: idle) }
      readerWaits = true
      defer {
        readerWaits = false
        wake()
      }
      try await channel.waitUntilReadable(for: idle)
    case .writing:
      if writerWaits { return try await waitAsSecond(for: idle) }
      writerWaits = true
      defer {
        writerWaits = false
        wake()
      }
      try await channel.waitUntilWritable(for: idle)
    }
  }

  /// Lets the second waiter, if there is one, try again.
  package func wake() { resumeSecond(true) }

  private func waitAsSecond(for idle: Duration) async throws(ChannelError) {
    guard channel.isOpen else { throw .closed }
    let inTime = await withUnsafeContinuation { (waiter: UnsafeContinuation<Bool, Never>) in
      // Getting here may suspend: the first waiter may have gone meanwhile.
      guard channel.isOpen, readerWaits || writerWaits else { return waiter.resume(returning: true) }
      precondition(second == nil, "one task reads and one writes a TLS channel at a time")
      deadline.set(after: idle)
      second = waiter
    }
    deadline.clear()
    guard channel.isOpen else { throw .closed }
    if !inTime { throw .timedOut }
  }

  private func resumeSecond(_ inTime: Bool) {
    guard let waiting = second else { return }
    second = nil
    waiting.resume(returning: inTime)
  }
}
