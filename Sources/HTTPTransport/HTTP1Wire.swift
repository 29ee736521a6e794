package import EventLoop
package import HTTPCore

/// HTTP/1.1 messages on a transport, in either role: heads and bodies in, heads and bodies out.
///
/// Reading and writing may be done by two tasks, one each. Bodies are lent, never copied: what `readBody` puts into a list
/// can be handed to another wire's `writeBody` as it is. Confined to its loop.
package final class HTTP1Wire {
  package let transport: Transport
  package let input: InputBuffer
  private var decoder = BodyDecoder(.none)
  private var scanner = HeadScanner()

  private let pool: BufferPool
  /// Heads and chunk sizes that are not yet written; a block of the pool, held until they are.
  private var pending: UnsafeMutableRawBufferPointer?
  private var pendingCount = 0
  private let gather = GatherList()
  private var outgoing: BodyFraming = .none
  private var outgoingLeft = 0
  /// Bytes written to, and read from, the transport since the wire was made.
  package private(set) var bytesWritten = 0
  package private(set) var bodyBytesRead = 0

  package init(_ transport: Transport) {
    self.transport = transport
    input = InputBuffer(transport)
    pool = transport.loop.buffers
  }

  deinit { if let pending { pool.give(pending) } }

  // MARK: Reading

  /// Reads up to the end of a head.
  ///
  /// - Parameters:
  ///   - first: how long the first byte may take.
  ///   - rest: how long the whole head may take from then on.
  ///   - emptyLines: how many of them are passed over before the head (RFC 9112 section 2.2).
  ///   - parse: reads the head; its bytes are valid inside only.
  /// - Returns: nil when the peer closed before the first byte.
  package func readHead<Head>(
    first: Duration, rest: Duration, passingOver emptyLines: Int = 0,
    _ parse: (UnsafeRawBufferPointer) throws(HTTPParseError) -> Head
  ) async throws(TransportError) -> Head? {
    scanner = HeadScanner()
    var deadline: UInt64?
    var emptyLines = emptyLines
    while true {
      while emptyLines > 0, input.bytes.count >= 2, input.bytes[0] == 0x0d, input.bytes[1] == 0x0a {
        input.consume(2)
        emptyLines -= 1
      }
      if !input.isEmpty {
        do {
          if let length = try scanner.end(in: input.bytes) {
            let head = try parse(UnsafeRawBufferPointer(rebasing: input.bytes[..<length]))
            input.consume(length)
            return head
          }
        } catch {
          throw .malformed(error)
        }
        if deadline == nil { deadline = transport.loop.now + rest.nanoseconds }
      }
      var wait = first
      if let deadline {
        let now = transport.loop.now
        guard now < deadline else { throw .timedOut }
        wait = .nanoseconds(Int64(deadline - now))
      }
      guard try await input.fill(idle: wait) else {
        if input.isEmpty { return nil }
        throw .peerClosed
      }
    }
  }

  /// Says how the body of the head just read is framed.
  package func beginBody(_ framing: BodyFraming) { decoder = BodyDecoder(framing) }

  /// The body of the current message has been read to its end.
  package var isBodyRead: Bool { decoder.isComplete }

  /// How many body bytes are still to come, where the framing tells.
  package var remainingLength: Int? { decoder.remainingLength }

  /// Lends the next body bytes: as many runs as one read brought.
  ///
  /// - Parameter list: empty; filled with pieces that are valid until the next call on this wire.
  /// - Returns: false at the end of the body, with nothing in `list`.
  package func readBody(into list: GatherList, idle: Duration) async throws(TransportError) -> Bool {
    while true {
      try decodeBody(into: list)
      if !list.isEmpty { return true }
      if decoder.isComplete { return false }
      if try await !input.fill(idle: idle) {
        do { try decoder.endOfStream() } catch { throw .peerClosed }
      }
    }
  }

  /// Lends what has already come of the body, without reading from the transport.
  package func decodeBody(into list: GatherList) throws(TransportError) {
    let bytes = input.bytes
    var position = 0
    do {
      // Room is left for what the writer puts before and after.
      while list.pieceCount < GatherList.capacity - 4, let run = try decoder.next(in: bytes, at: &position) {
        list.append(run)
      }
    } catch {
      throw .malformed(error)
    }
    input.consume(position)
    bodyBytesRead += list.byteCount
  }

  /// Reads the rest of the body and drops it.
  package func skipBody(idle: Duration) async throws(TransportError) {
    let list = GatherList()
    while try await readBody(into: list, idle: idle) {
      list.removeAll()
      // The peer may send as fast as this reads.
      await transport.loop.yield()
    }
  }

  // MARK: Writing

  /// Composes a head. It goes out with the first body bytes, or by `flush`.
  package func writeHead(_ framing: BodyFraming, _ compose: (inout HeadWriter) -> Void) {
    let block = pending ?? pool.take()
    pending = block
    var writer = HeadWriter(block, count: pendingCount)
    compose(&writer)
    // Heads are bounded by what readers accept; the block is four times as large.
    precondition(!writer.isOverrun, "a head is larger than a block")
    pendingCount = writer.count
    outgoing = framing
    if case .length(let length) = framing { outgoingLeft = length } else { outgoingLeft = 0 }
  }

  /// Writes body bytes with the framing that the head declared, and waits until they are out.
  ///
  /// - Parameters:
  ///   - list: whole body pieces; empty afterwards.
  ///   - isLast: the body ends with them.
  /// - Throws: `.closed` when more or less is written than the head declared.
  package func writeBody(_ list: GatherList, isLast: Bool, idle: Duration) async throws(TransportError) {
    switch outgoing {
    case .chunked:
      if !list.isEmpty { appendChunkSize(list.byteCount) }
      stage(list)
      if isLast {
        gather.append(list.isEmpty ? "0\r\n\r\n" : "\r\n0\r\n\r\n")
        outgoing = .none
      } else if !list.isEmpty {
        gather.append("\r\n")
      }
    case .length:
      guard list.byteCount <= outgoingLeft, !isLast || list.byteCount == outgoingLeft else { throw .closed }
      outgoingLeft -= list.byteCount
      stage(list)
    case .none, .untilClose:
      if outgoing == .none && !list.isEmpty { throw .closed }
      stage(list)
    }
    list.removeAll()
    try await flush(idle: idle)
  }

  /// Whether a file can be sent as it is: nothing stands between its bytes and the socket.
  package var canSendFiles: Bool {
    guard case .length = outgoing else { return false }
    return transport.isPlain
  }

  /// Sends part of a file as body bytes, and waits until it is out.
  /// - Throws: `.closed` when the file ends before, or more is sent than the head declared.
  package func sendFile(
    _ file: borrowing OwnedDescriptor, from offset: Int, count: Int, idle: Duration
  ) async throws(TransportError) {
    guard canSendFiles, count <= outgoingLeft else { throw .closed }
    try await flush(idle: idle)
    var sent = 0
    while sent < count {
      switch try transport.sendFile(file, from: offset + sent, count: count - sent) {
      case .bytes(let part):
        sent += part
        bytesWritten += part
        outgoingLeft -= part
      case .wouldBlock: try await transport.waitUntilWritable(for: idle)
      case .endOfStream: throw .closed
      }
    }
  }

  /// Writes what is composed.
  package func flush(idle: Duration) async throws(TransportError) {
    repeat {
      stage(nil)
      while !gather.isEmpty {
        switch try transport.write(gathering: gather) {
        case .bytes(let count): bytesWritten += count
        case .wouldBlock, .endOfStream: try await transport.waitUntilWritable(for: idle)
        }
      }
      // Another head may have been composed during the wait.
    } while stagedCount < pendingCount
    releasePending()
  }

  /// How much of `pending` has been put into the list that is written.
  private var stagedCount = 0

  /// Puts the composed bytes and the pieces of `list` into the list that is written.
  private func stage(_ list: GatherList?) {
    if let pending, stagedCount < pendingCount {
      gather.append(UnsafeRawBufferPointer(rebasing: pending[stagedCount..<pendingCount]))
      stagedCount = pendingCount
    }
    list?.forEach { gather.append($0) }
  }

  private func appendChunkSize(_ size: Int) {
    let block = pending ?? pool.take()
    pending = block
    var writer = HeadWriter(block, count: pendingCount)
    writer.appendChunkSize(size)
    pendingCount = writer.count
  }

  private func releasePending() {
    guard let block = pending else { return }
    pool.give(block)
    pending = nil
    pendingCount = 0
    stagedCount = 0
  }

  /// Gives spare memory back between two exchanges.
  package func rest() { input.release() }

  /// Gives back also what the next exchange needs again, before a wait that may be long.
  func releaseMemory() {
    rest()
    if gather.isEmpty { gather.release() }
  }
}

extension GatherList {
  /// Adds text from static memory.
  func append(_ text: StaticString) {
    append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }
}
