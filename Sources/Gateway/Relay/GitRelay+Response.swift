import EventLoop
import GitProtocol
import HTTPCore
import HTTPTransport

extension GitRelay {
  /// Streams the response to the client.
  ///
  /// The head waits for the first bytes of the body: until then a failure can still be told by a whole other response.
  /// Answers to POSTs go out in chunks, unless they are there at once, so that one that is cut can end readably.
  func relay(_ head: ResponseHead, from connection: any UpstreamExchange) async throws(ProxyError) {
    let origin = connection.origin
    let list = connection.pieces
    list.removeAll()
    do throws(TransportError) {
      _ = try await connection.readBody(into: list, idle: firstByte)
      if connection.hasSurplus { throw .malformed(HTTPParseError("more bytes than the response has")) }
    } catch {
      throw ProxyError(error, talkingTo: origin)
    }
    do throws(TransportError) {
      if connection.isBodyRead, route.operation == .advertisement || Self.isWhole(list) {
        start(head, length: list.byteCount)
        try await exchange.write(list, isLast: true)
        return
      }
      guard route.operation == .service else { return try await stream(head, list, from: connection) }
      try await streamTracked(head, list, from: connection)
    } catch {
      // The client is gone, or was cut off; there is nobody to tell.
      connection.close()
    }
  }

  /// Whether a result that has come in one piece ends between two packets.
  private static func isWhole(_ list: GatherList) -> Bool {
    var tracker = PktLineTracker(sideband: .never)
    list.forEach { _ = tracker.advance(over: $0) }
    return tracker.isTransparent || tracker.isBetweenPackets && tracker.heldPrefix.isEmpty
  }

  private func start(_ head: ResponseHead, length: Int?) {
    exchange.start(status: head.status, length: length) { ForwardedFields.append(of: head, to: &$0) }
  }

  /// Copies an advertisement as it comes. One that is cut ends with the connection.
  private func stream(_ head: ResponseHead, _ list: GatherList, from connection: any UpstreamExchange)
    async throws(TransportError)
  {
    var length: Int?
    if case .length(let count) = head.framing { length = count }
    start(head, length: length)
    while true {
      try await exchange.write(list, isLast: connection.isBodyRead)
      if connection.isBodyRead { return }
      do throws(TransportError) {
        _ = try await connection.readBody(into: list, idle: idle)
      } catch {
        cutReason = error
        exchange.abort()
        return
      }
    }
  }

  /// Copies a result, following its pkt-lines.
  private func streamTracked(_ head: ResponseHead, _ list: GatherList, from connection: any UpstreamExchange)
    async throws(TransportError)
  {
    let tracked = TrackedBody(sideband: sidebandStart)
    var turn = FairTurn(exchange.loop)
    start(head, length: nil)
    while true {
      await turn.took(list.byteCount)
      repeat {
        tracked.follow(list)
        let isLast = connection.isBodyRead && list.isEmpty
        if isLast, tracked.isCut {
          try await exchange.write(tracked.outgoing)
          let reason = TransportError.malformed(HTTPParseError("the answer ends inside a packet"))
          return try await end(tracked, after: reason, from: connection)
        }
        if isLast { tracked.releaseHeld() }
        try await exchange.write(tracked.outgoing, isLast: isLast)
      } while !list.isEmpty
      if connection.isBodyRead { return }
      do throws(TransportError) {
        _ = try await connection.readBody(into: list, idle: idle)
      } catch {
        return try await end(tracked, after: error, from: connection)
      }
    }
  }

  /// The upstream broke off in the middle.
  private func end(_ tracked: TrackedBody, after error: TransportError, from connection: any UpstreamExchange)
    async throws(TransportError)
  {
    cutReason = error
    let text = "\(connection.origin) broke off in the middle: \(error); try again (req \(requestID))"
    let ending = tracked.ending(with: text)
    guard !isClientGone, !ending.isEmpty else {
      exchange.abort()
      return
    }
    try await exchange.write(ending)
    try await exchange.finish()
  }
}

/// A result body on its way: what of it may go out, and how it ends when it is cut. Confined to its loop.
private final class TrackedBody {
  private var tracker: PktLineTracker
  /// The pieces to send now; they point into the list that was followed and into `prefixes`.
  let outgoing = GatherList()
  /// Prefix bytes that were held back and go out before a piece: four bytes for each piece of a list.
  private let prefixes = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 * GatherList.capacity, alignment: 4)

  private var prefixCount = 0

  init(sideband: PktLineTracker.SidebandStart) { tracker = PktLineTracker(sideband: sideband) }

  deinit { prefixes.deallocate() }

  /// Takes pieces off `list`: all of them, or as many as fit along with the prefixes that were held back before them and
  /// with what the writer adds.
  func follow(_ list: GatherList) {
    prefixCount = 0
    while outgoing.pieceCount < GatherList.capacity - 6, let piece = list.front {
      let release = tracker.advance(over: piece)
      append(release.prefix)
      outgoing.append(UnsafeRawBufferPointer(rebasing: piece[..<release.count]))
      list.removeFront(piece.count)
    }
  }

  /// The stream would end inside a packet, and that can still be told.
  var isCut: Bool {
    !(tracker.isBetweenPackets && tracker.heldPrefix.isEmpty) && !tracker.ending(with: "").isEmpty
  }

  /// Lets out the bytes held back: nothing follows them.
  func releaseHeld() { append(tracker.takeHeldPrefix()) }

  private func append(_ bytes: PktLinePrefixBytes) {
    guard !bytes.isEmpty else { return }
    let start = 4 * prefixCount
    let slot = UnsafeMutableRawBufferPointer(rebasing: prefixes[start..<start + bytes.count])
    slot.copyBytes(from: bytes)
    outgoing.append(UnsafeRawBufferPointer(slot))
    prefixCount += 1
  }

  func ending(with text: String) -> [UInt8] { tracker.ending(with: text) }
}
