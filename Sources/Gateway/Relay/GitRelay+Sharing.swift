import EventLoop
import GitProtocol
import HTTPCore
import HTTPTransport
import PackCache

/// Answers that come from a spool or from the store instead of straight from the upstream.
extension GitRelay {
  /// Lets the flight have the upstream's connection as soon as somebody shares the answer, so that nobody waits for this
  /// client. What it has not got by then it reads where the others do.
  func handOverIfShared(_ connection: any UpstreamExchange, isolation: isolated (any Actor)? = #isolation) {
    guard !awaitsPiece, let recording, recording.isShared, recording.canHandOver, !connection.isBodyRead,
      let memory = connection.leavePieces(), recording.handOver()
    else { return }
    self.memory = memory
    let (pool, loop, idle) = (pool, exchange.loop, idle)
    Task {
      _ = isolation
      await withTaskExecutorPreference(loop) { await recording.produce(from: connection, to: pool, idle: idle) }
    }
  }

  /// Hands over in the middle of a write, too: a client may take its time.
  func watchForReaders(of recording: PackRecording, isolation: isolated (any Actor)? = #isolation) {
    let loop = exchange.loop
    Task { [weak self] in
      _ = isolation
      await withTaskExecutorPreference(loop) {
        await recording.flight.answer.firstReader()
        if let self, let connection = self.call.connection, self.exchange.hasStarted {
          self.handOverIfShared(connection)
        }
      }
    }
  }

  /// Goes on as one of the flight's readers.
  func goOn(from reader: SpoolReader, _ tracked: TrackedBody) async throws(TransportError) {
    exchange.onClientGone = { [unowned self] in
      isClientGone = true
      reader.cancel()
    }
    try await copy(from: reader, tracked)
  }

  /// Sends what others fetch, too.
  ///
  /// - Parameters:
  ///   - preludeBytes: how many bytes stand before the place for `line`.
  ///   - line: packets of the gateway's own.
  /// - Returns: false when the answer broke off before anything was sent.
  func share(_ reader: SpoolReader, preludeBytes: Int, line: [UInt8]) async throws(TransportError) -> Bool {
    let tracked = TrackedBody(sideband: sidebandStart)
    // The first bytes are waited for before anything is said.
    guard await reader.hasMore() else { return false }
    startShared(length: nil)
    try await copy(from: reader, tracked, preludeBytes: preludeBytes, line: line)
    return true
  }

  func startShared(length: Int?) {
    record.enter(.data, at: exchange.loop.now)
    exchange.start(status: 200, length: length) { writer in
      writer.append(.contentType, route.service.resultContentType)
      writer.append(.cacheControl, "no-cache")
      if let cacheField { writer.append("x-artifacts-gateway-cache", cacheField) }
    }
  }

  private func copy(
    from reader: SpoolReader, _ tracked: TrackedBody, preludeBytes: Int = 0, line: [UInt8] = []
  ) async throws(TransportError) {
    let block = exchange.loop.buffers.take()
    defer { exchange.loop.buffers.give(block) }
    let list = GatherList()
    var line = line
    var turn = FairTurn(exchange.loop)
    while true {
      if !line.isEmpty, reader.offset == preludeBytes {
        try await exchange.write(line)
        line = []
      }
      let room = reader.offset < preludeBytes ? min(block.count, preludeBytes - reader.offset) : block.count
      switch await reader.readOn(into: UnsafeMutableRawBufferPointer(rebasing: block[..<room])) {
      case .bytes(let count):
        await turn.took(count)
        list.append(UnsafeRawBufferPointer(rebasing: block[..<count]))
        repeat {
          tracked.follow(list)
          try await exchange.write(tracked.outgoing)
        } while !list.isEmpty
      case .end(.whole):
        tracked.releaseHeld()
        try await exchange.write(tracked.outgoing)
        return try await exchange.finish()
      case .end(.cut(let text)):
        if isClientGone { throw .peerClosed }
        return try await end(tracked, text)
      }
    }
  }

  /// Sends a stored answer.
  /// - Parameter line: packets of the gateway's own, behind the first `preludeBytes`.
  func send(_ pack: StoredPack, line: [UInt8]) async throws(TransportError) {
    let block = exchange.loop.buffers.take()
    defer { exchange.loop.buffers.give(block) }
    startShared(length: pack.bodyBytes + line.count)
    let list = GatherList()
    func copy(to end: Int, from start: Int) async throws(TransportError) {
      var offset = start
      var turn = FairTurn(exchange.loop)
      while offset < end {
        let part = UnsafeMutableRawBufferPointer(rebasing: block[..<min(block.count, end - offset)])
        let count = (try? pack.read(at: offset, into: part)) ?? 0
        guard count > 0 else { throw .closed }
        offset += count
        list.append(UnsafeRawBufferPointer(rebasing: block[..<count]))
        try await exchange.write(list)
        await turn.took(count)
      }
    }
    do throws(TransportError) {
      try await copy(to: pack.preludeBytes, from: 0)
      if !line.isEmpty { try await exchange.write(line) }
      if exchange.canSendFiles {
        var offset = pack.preludeBytes
        var turn = FairTurn(exchange.loop)
        while offset < pack.bodyBytes {
          let count = min(1 << 20, pack.bodyBytes - offset)
          try await exchange.send(pack.file.descriptor, from: offset, count: count)
          offset += count
          await turn.took(count)
        }
      } else {
        try await copy(to: pack.bodyBytes, from: pack.preludeBytes)
      }
      try await exchange.finish()
    } catch {
      if !isClientGone { record.cutReason = "\(error)" }
      throw error
    }
  }
}

extension SpoolReader {
  fileprivate func readOn(into buffer: UnsafeMutableRawBufferPointer) async -> Result {
    do throws(SystemError) { return try await read(into: buffer) } catch {
      return .end(.cut("the cached answer cannot be read: \(error)"))
    }
  }
}
