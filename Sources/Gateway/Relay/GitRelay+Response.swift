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
    question?.begin(from: call.remote)
    recording?.begin(coded: head.fields[.contentEncoding] != nil, from: call.remote)
    took(list, from: connection)
    do throws(TransportError) {
      if connection.isBodyRead, route.operation == .advertisement || Self.isWhole(list) {
        if head.fields[.contentEncoding] == nil { onWholeAnswer?(list) }
        start(head, length: list.byteCount)
        try await exchange.write(list, isLast: true)
        return
      }
      guard route.operation == .service else { return try await stream(head, list, from: connection) }
      try await streamTracked(head, list, from: connection)
    } catch {
      // The client is gone, or was cut off; there is nobody to tell.
      question?.end()
      if let recording, recording.hasHandedOver {
        _ = recording.takeLeader()
      } else if let recording, recording.isShared {
        await recording.produce(from: connection, to: pool, idle: idle)
      } else {
        recording?.giveUp()
        connection.close()
      }
    }
  }

  /// Lets those who listen in have the next pieces of the answer.
  private func took(_ list: GatherList, from connection: any UpstreamExchange) {
    recording?.take(list)
    question?.take(list)
    if record.push != nil { list.forEach { record.push?.report?.take($0) } }
    guard connection.isBodyRead else { return }
    recording?.finish()
    question?.end()
  }

  /// Whether a result that has come in one piece ends between two packets.
  private static func isWhole(_ list: GatherList) -> Bool {
    var tracker = PktLineTracker(sideband: .never)
    list.forEach { _ = tracker.advance(over: $0) }
    return tracker.isTransparent || tracker.isBetweenPackets && tracker.heldPrefix.isEmpty
  }

  private func start(_ head: ResponseHead, length: Int?) {
    record.enter(.data, at: exchange.loop.now)
    if hasSpoken { return }
    exchange.start(status: head.status, length: length) { writer in
      ForwardedFields.append(of: head, to: &writer)
      if let cacheField { writer.append("x-artifacts-gateway-cache", cacheField) }
    }
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
        record.cutReason = "\(error)"
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
      handOverIfShared(connection)
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
      if let reader = recording?.takeLeader() {
        memory = nil
        return try await goOn(from: reader, tracked)
      }
      if connection.isBodyRead { return }
      do throws(TransportError) {
        awaitsPiece = true
        defer { awaitsPiece = false }
        _ = try await connection.readBody(into: list, idle: idle)
      } catch {
        return try await end(tracked, after: error, from: connection)
      }
      took(list, from: connection)
    }
  }

  /// The upstream broke off in the middle.
  private func end(_ tracked: TrackedBody, after error: TransportError, from connection: any UpstreamExchange)
    async throws(TransportError)
  {
    let text = "\(connection.origin) broke off in the middle: \(error); try again"
    recording?.fail(ProxyError(.cut, status: 502, text))
    try await end(tracked, text)
  }

  /// Ends a begun answer with a text that git shows, where that can still be said.
  func end(_ tracked: TrackedBody, _ text: String) async throws(TransportError) {
    record.cutReason = text
    let ending = tracked.ending(with: "\(text) (req \(record.id))")
    guard !isClientGone, !ending.isEmpty else {
      exchange.abort()
      return
    }
    try await exchange.write(ending)
    try await exchange.finish()
  }
}
