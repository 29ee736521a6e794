import CLinux
import Glibc
import Synchronization

/// What a call on a non-blocking socket came to.
package enum IOResult: Equatable, Sendable {
  /// This many bytes went through, at least one.
  case bytes(Int)
  /// The peer has sent its last byte. Reads only.
  case endOfStream
  /// Nothing now: wait for readiness, then try again.
  case wouldBlock
}

/// Why a channel is of no more use.
package enum ChannelError: Error, Hashable {
  case system(SystemError)
  /// The wait went on for its whole idle time.
  case timedOut
  /// This side closed the channel, or broke it off, while somebody waited.
  case closed
}

/// A connected stream socket on a loop: calls that never block, and waits for when they would.
///
/// Try the call first and wait only after `.wouldBlock`: the poll set is edge-triggered and nothing is asked of the
/// kernel twice. At most one task may wait for each direction. Confined to its loop; not `Sendable`.
package final class Channel: EventHandler {
  package let loop: Loop
  private var descriptor: CInt
  private var registration: Registration?
  private var readable = true
  private var writable = true
  /// The peer has closed at least its sending side: a short read may be the last before the end of the stream.
  package private(set) var isPeerClosed = false
  /// Both directions are down or the socket is in error; the next call says why.
  package private(set) var isHungUp = false
  private var reader: UnsafeContinuation<WaitEnd, Never>?
  private var writer: UnsafeContinuation<WaitEnd, Never>?
  /// Told instead of a reader that waits.
  private var onReadable: ((Bool) -> Void)?
  private lazy var readDeadline = Deadline(on: loop) { [unowned self] in resumeReader(.timedOut) }
  private lazy var writeDeadline = Deadline(on: loop) { [unowned self] in resumeWriter(.timedOut) }
  /// Told when the socket hangs up, whether or not anybody waits. For requests whose client goes away.
  package var onHangUp: (() -> Void)?
  /// Told when the peer has closed its sending side, which is less than a hang-up: it may still listen.
  package var onPeerClosed: (() -> Void)?
  /// Told at the first event after a connect was begun: it has come to something.
  var onConnected: (() -> Void)? {
    didSet { if onConnected != nil { writable = false } }
  }

  private enum WaitEnd { case ready, timedOut, closed }

  /// Takes ownership of a non-blocking, connected (or connecting) socket and adds it to the loop's poll set.
  package init(_ descriptor: consuming OwnedDescriptor, on loop: Loop) throws(SystemError) {
    self.loop = loop
    self.descriptor = -1
    let number = descriptor.rawValue
    registration = try loop.register(number, handler: self)
    self.descriptor = descriptor.release()
    loop.load.add(1, ordering: .relaxed)
  }

  deinit { assert(descriptor < 0, "a channel must be closed before it goes") }

  package var isOpen: Bool { descriptor >= 0 }

  /// The user of the process at the other end of a Unix socket, as of its `connect` (`SO_PEERCRED`, unix(7)). Nil for other
  /// sockets.
  package var peerUser: UInt32? {
    var user = uid_t.max
    // Sockets that are no Unix ones know of no user, and say -1.
    guard clinux_peer_user(descriptor, &user) == 0, user != .max else { return nil }
    return user
  }

  // MARK: Calls

  /// `recv(2)` into `buffer`, which the caller owns and which must not be empty.
  package func read(into buffer: UnsafeMutableRawBufferPointer) throws(ChannelError) -> IOResult {
    guard isOpen else { throw .closed }
    guard readable else { return .wouldBlock }
    let count = retryingOnInterrupt { recv(descriptor, buffer.baseAddress, buffer.count, 0) }
    if count > 0 {
      // A short read has emptied the socket, so the call that would only say so is spared; the next byte is a new edge.
      if count < buffer.count && !isPeerClosed { readable = false }
      return .bytes(count)
    }
    if count == 0 { return .endOfStream }
    return try blockedOrFailed("recv") { readable = false }
  }

  /// `send(2)` of as much of `bytes` as the socket takes. No SIGPIPE.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(ChannelError) -> IOResult {
    guard isOpen else { throw .closed }
    guard writable else { return .wouldBlock }
    let flags = CInt(MSG_NOSIGNAL)
    let count = retryingOnInterrupt { send(descriptor, bytes.baseAddress, bytes.count, flags) }
    if count >= 0 {
      if count < bytes.count { writable = false }
      return count > 0 || bytes.isEmpty ? .bytes(count) : .wouldBlock
    }
    return try blockedOrFailed("send") { writable = false }
  }

  /// `sendmsg(2)` of the pieces in `list`, whose front is taken off by as much as went out.
  package func write(gathering list: GatherList) throws(ChannelError) -> IOResult {
    guard isOpen else { throw .closed }
    guard writable else { return .wouldBlock }
    let flags = CInt(MSG_NOSIGNAL)
    let count = list.withMessage { message in retryingOnInterrupt { sendmsg(descriptor, message, flags) } }
    if count > 0 {
      list.removeFront(count)
      if !list.isEmpty { writable = false }
      return .bytes(count)
    }
    if count == 0 { return .wouldBlock }
    return try blockedOrFailed("sendmsg") { writable = false }
  }

  /// `sendfile(2)`: up to `count` bytes of `file` from `offset`, without passing through this process. The file must hold
  /// them: after a shorter call the socket is taken to be full.
  package func sendFile(_ file: borrowing OwnedDescriptor, from offset: Int, count: Int) throws(ChannelError)
    -> IOResult
  {
    guard isOpen else { throw .closed }
    guard writable else { return .wouldBlock }
    var position = off_t(offset)
    let source = file.rawValue
    let sent = retryingOnInterrupt { sendfile(descriptor, source, &position, count) }
    if sent > 0 {
      if sent < count { writable = false }
      return .bytes(sent)
    }
    if sent == 0 { return .endOfStream }
    return try blockedOrFailed("sendfile") { writable = false }
  }

  private func blockedOrFailed(_ call: StaticString, _ mark: () -> Void) throws(ChannelError) -> IOResult {
    let code = errno
    if code == EAGAIN {
      mark()
      return .wouldBlock
    }
    throw .system(SystemError(call, code))
  }

  // MARK: Waits

  // Getting to the continuation may itself suspend, and an event or a close may come in between: so what is waited for is
  // looked at again inside, where nothing can come between the look and the wait.

  /// Waits until a read may get on, for at most `idle`.
  package func waitUntilReadable(for idle: Duration) async throws(ChannelError) {
    guard isOpen else { throw .closed }
    if readable { return }
    let end = await withUnsafeContinuation { (waiter: UnsafeContinuation<WaitEnd, Never>) in
      guard isOpen else { return waiter.resume(returning: .closed) }
      guard !readable else { return waiter.resume(returning: .ready) }
      precondition(reader == nil && onReadable == nil, "one reads a channel at a time")
      readDeadline.set(after: idle)
      reader = waiter
    }
    try check(end)
  }

  /// Calls `body` once, with true when a read may get on, which may be at once; with false after `idle`, and when the channel is
  /// closed. Takes a fifth of the memory of a task that waits. Nobody may wait to read meanwhile.
  package func whenReadable(within idle: Duration, _ body: @escaping (Bool) -> Void) {
    guard isOpen, !readable else { return body(isOpen) }
    precondition(reader == nil && onReadable == nil, "one reads a channel at a time")
    readDeadline.set(after: idle)
    onReadable = body
  }

  /// Whether bytes of the peer have come and were not yet read, also such as the poll set has not told of.
  package var hasInput: Bool {
    var byte: UInt8 = 0
    return isOpen && recv(descriptor, &byte, 1, CInt(MSG_PEEK)) > 0
  }

  /// Waits until a write may get on, for at most `idle`.
  package func waitUntilWritable(for idle: Duration) async throws(ChannelError) {
    guard isOpen else { throw .closed }
    if writable { return }
    let end = await withUnsafeContinuation { (waiter: UnsafeContinuation<WaitEnd, Never>) in
      guard isOpen else { return waiter.resume(returning: .closed) }
      guard !writable else { return waiter.resume(returning: .ready) }
      precondition(writer == nil, "one task writes a channel at a time")
      writeDeadline.set(after: idle)
      writer = waiter
    }
    try check(end)
  }

  private func check(_ end: WaitEnd) throws(ChannelError) {
    switch end {
    case .ready: return
    case .timedOut: throw .timedOut
    case .closed: throw .closed
    }
  }

  package func handle(_ readiness: Readiness) {
    // First, since a peer may have answered and closed by the time its connection is noticed, and says so once.
    let hasPeerClosed = !isPeerClosed && readiness.contains(.peerClosed)
    if readiness.contains(.peerClosed) { isPeerClosed = true }
    if !readiness.isDisjoint(with: .hungUp) {
      isHungUp = true
      isPeerClosed = true
    }
    if let onConnected {
      if !readiness.isDisjoint(with: [.writable, .hungUp]) {
        writable = true
        onConnected()
      }
      return
    }
    if !readiness.isDisjoint(with: .hungUp) { onHangUp?() } else if hasPeerClosed { onPeerClosed?() }
    if !readiness.isDisjoint(with: [.readable, .peerClosed, .hungUp]) {
      readable = true
      resumeReader(.ready)
    }
    if !readiness.isDisjoint(with: [.writable, .hungUp]) {
      writable = true
      resumeWriter(.ready)
    }
  }

  private func resumeReader(_ end: WaitEnd) {
    if let onReadable {
      self.onReadable = nil
      return onReadable(end == .ready)
    }
    guard let waiting = reader else { return }
    reader = nil
    // The deadline stays in its bucket: a busy channel sets it again at once, and firing without a reader does nothing.
    waiting.resume(returning: end)
  }

  private func resumeWriter(_ end: WaitEnd) {
    guard let waiting = writer else { return }
    writer = nil
    waiting.resume(returning: end)
  }

  // MARK: Ends

  /// Sends FIN: this side has nothing more to say, and may still listen.
  package func closeWriting() {
    if isOpen { _ = shutdown(descriptor, CInt(SHUT_WR)) }
  }

  /// Makes `close` send RST instead of FIN, so that the peer cannot take a cut message for a whole one.
  package func resetOnClose() {
    guard isOpen else { return }
    var setting = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &setting, socklen_t(MemoryLayout<linger>.size))
  }

  /// Closes the socket and wakes whoever waits with `.closed`. Calling it again does nothing.
  package func close() {
    guard isOpen, let registration else { return }
    loop.deregister(descriptor, registration)
    self.registration = nil
    _ = Glibc.close(descriptor)
    descriptor = -1
    loop.load.subtract(1, ordering: .relaxed)
    readDeadline.clear()
    writeDeadline.clear()
    onHangUp = nil
    onPeerClosed = nil
    resumeReader(.closed)
    resumeWriter(.closed)
  }

  /// The pending error of a connect that has finished, or nil when it succeeded (`SO_ERROR`).
  func takeError() -> SystemError? {
    var code: CInt = 0
    var length = socklen_t(MemoryLayout<CInt>.size)
    guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 else { return SystemError("getsockopt") }
    return code == 0 ? nil : SystemError("connect", code)
  }
}
