import CNghttp2

private let failure = NGHTTP2_ERR_CALLBACK_FAILURE.rawValue

// The library calls these from `receive` and `fill` only. They neither throw nor call either of the two, and so keep to
// appending events and to submitting (nghttp2's Programmers' Guide, "Remarks").
extension HTTP2Session {
  /// The session that a callback belongs to. Unretained: callbacks run inside calls of its own methods only.
  static func of(_ owner: UnsafeMutableRawPointer?) -> HTTP2Session? {
    owner.map { Unmanaged<HTTP2Session>.fromOpaque($0).takeUnretainedValue() }
  }

  static func setCallbacks(_ callbacks: OpaquePointer?) {
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks) { _, head, owner in
      guard let head, let session = HTTP2Session.of(owner) else { return failure }
      session.frameBegins(head.pointee)
      return 0
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, owner in
      guard let frame, let session = HTTP2Session.of(owner) else { return failure }
      session.headBegins(frame.pointee.headers)
      return 0
    }
    nghttp2_session_callbacks_set_on_header_callback(callbacks) { _, _, name, nameCount, value, valueCount, _, owner in
      guard let session = HTTP2Session.of(owner) else { return failure }
      return session.take(
        UnsafeRawBufferPointer(start: name, count: nameCount), UnsafeRawBufferPointer(start: value, count: valueCount))
    }
    // Otherwise the library drops such a field and goes on.
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks) { _, _, _, _, _, _, _, _ in
      NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, owner in
      guard let frame, let session = HTTP2Session.of(owner) else { return failure }
      session.frameCame(frame.pointee)
      return 0
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, stream, bytes, count, owner in
      guard let session = HTTP2Session.of(owner) else { return failure }
      session.dataCame(stream, UnsafeRawBufferPointer(start: bytes, count: count))
      return 0
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, stream, code, owner in
      guard let session = HTTP2Session.of(owner) else { return failure }
      session.streamCloses(stream, HTTP2ErrorCode(rawValue: code))
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, owner in
      guard let frame, let session = HTTP2Session.of(owner) else { return failure }
      session.frameWent(frame.pointee)
      return 0
    }
    nghttp2_session_callbacks_set_send_data_callback(callbacks) { _, frame, head, count, _, owner in
      guard let frame, let head, let session = HTTP2Session.of(owner) else { return failure }
      return session.sendData(frame.pointee.hd, UnsafeRawBufferPointer(start: head, count: 9), count)
    }
  }

  // MARK: Receiving

  private func frameBegins(_ head: nghttp2_frame_hd) {
    switch UInt32(head.type) {
    case NGHTTP2_DATA.rawValue:
      if head.length >= FloodGuard.usefulBytes || Self.ends(head) {
        guardian.sawProgress()
      } else {
        guardian.sawIdleFrame()
      }
    // Judged by what becomes of their streams.
    case NGHTTP2_HEADERS.rawValue, NGHTTP2_RST_STREAM.rawValue: break
    case NGHTTP2_SETTINGS.rawValue: guardian.sawIdleFrame(weight: FloodGuard.settingsWeight)
    default: guardian.sawIdleFrame()
    }
  }

  private func headBegins(_ frame: nghttp2_headers) {
    let stream = frame.hd.stream_id
    if configuration.role == .server, frame.cat == NGHTTP2_HCAT_REQUEST {
      records[stream] = StreamRecord(stream, .get, window: configuration.streamWindow)
      block = FieldBlock(.request)
      var priority = nghttp2_extpri(urgency: 3, inc: 1)
      // In turn with the other streams, whatever the client thinks of its own.
      _ = nghttp2_session_change_extpri_stream_priority(session, stream, &priority, 1)
    } else {
      let isTrailer = configuration.role == .server || records[stream]?.hasHead ?? true
      block = FieldBlock(isTrailer ? .trailers : .response)
    }
  }

  private func take(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Int32 {
    block?.take(name, value)
    guard block?.isBomb == true else { return 0 }
    guardian.sawHeaderBomb()
    // The connection ends with this call; no more of it is decompressed.
    return failure
  }

  private func frameCame(_ frame: nghttp2_frame) {
    switch UInt32(frame.hd.type) {
    case NGHTTP2_HEADERS.rawValue: headCame(frame.headers)
    case NGHTTP2_DATA.rawValue:
      if Self.ends(frame.hd) { peerEnded(frame.hd.stream_id) }
    case NGHTTP2_RST_STREAM.rawValue: records[frame.hd.stream_id]?.wasResetByPeer = true
    case NGHTTP2_GOAWAY.rawValue:
      let code = HTTP2ErrorCode(rawValue: frame.goaway.error_code)
      events.append(.goAway(lastStream: frame.goaway.last_stream_id, code))
    default: break
    }
  }

  private func headCame(_ frame: nghttp2_headers) {
    guard var block else { return }
    self.block = nil
    let stream = frame.hd.stream_id
    guard let record = records[stream] else { return }
    let isEnded = Self.ends(frame.hd)
    do throws(HTTPParseError) {
      switch block.kind {
      case .request: try requestCame(&block, record, isEnded)
      case .response: try responseCame(&block, record, isEnded)
      case .trailers:
        if let fault = block.fault { throw fault }
        if isEnded { peerEnded(stream) }
      }
    } catch {
      events.append(.malformed(stream: stream, error))
      reset(stream, .protocolError)
    }
  }

  private func requestCame(_ block: inout FieldBlock, _ record: StreamRecord, _ isEnded: Bool) throws(HTTPParseError) {
    let result = try block.request(isEnded: isEnded)
    record.hasHead = true
    record.peerHasEnded = isEnded
    switch result {
    case .success(let head):
      guardian.sawProgress()
      record.method = head.method
      events.append(.request(stream: record.id, head, isEnded: isEnded))
    case .failure(let error): events.append(.refused(stream: record.id, error))
    }
  }

  private func responseCame(_ block: inout FieldBlock, _ record: StreamRecord, _ isEnded: Bool) throws(HTTPParseError) {
    let head = try block.response(to: record.method, isEnded: isEnded)
    if head.status < 200 {
      record.informationalCount += 1
      guard record.informationalCount <= 8 else { throw HTTPParseError("too many 1xx responses") }
      return
    }
    guardian.sawProgress()
    record.hasHead = true
    record.peerHasEnded = isEnded
    events.append(.response(stream: record.id, head, isEnded: isEnded))
  }

  private func peerEnded(_ stream: Int32) {
    guard let record = records[stream], !record.peerHasEnded else { return }
    record.peerHasEnded = true
    events.append(.ended(stream: stream))
  }

  private func dataCame(_ stream: Int32, _ bytes: UnsafeRawBufferPointer) {
    guard let record = records[stream], record.hasHead else { return }
    sawData(bytes.count, record)
    events.append(.data(stream: stream, bytes))
  }

  private func streamCloses(_ stream: Int32, _ code: HTTP2ErrorCode) {
    if block != nil, records[stream]?.hasHead == false { block = nil }
    guard let record = records.removeValue(forKey: stream) else { return }
    record.dropQueued()
    // Code and doer say little: what counts is whether the work was for nothing.
    if configuration.role == .server {
      if record.endIsSent { guardian.sawSuccess() } else { guardian.sawFailure() }
    }
    events.append(.closed(stream: stream, code, byPeer: record.wasResetByPeer))
  }

  // MARK: Sending

  private func frameWent(_ frame: nghttp2_frame) {
    let type = UInt32(frame.hd.type)
    guard type == NGHTTP2_HEADERS.rawValue || type == NGHTTP2_DATA.rawValue,
      let record = records[frame.hd.stream_id]
    else { return }
    if type == NGHTTP2_HEADERS.rawValue { record.isHeadPending = false }
    if Self.ends(frame.hd) { record.endIsSent = true }
    output.touch(record.id)
  }

  /// Moves the body bytes of one frame to the output. `nghttp2_send_data_callback`.
  private func sendData(_ head: nghttp2_frame_hd, _ bytes: UnsafeRawBufferPointer, _ count: Int) -> Int32 {
    guard let record = records[head.stream_id] else { return failure }
    // A reset may have dropped what the frame was announced with.
    guard record.queuedBytes >= count else { return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue }
    guard output.hasRoom(bytes: bytes.count, pieces: StreamRecord.piecesPerFrame + 1) else {
      return NGHTTP2_ERR_WOULDBLOCK.rawValue
    }
    output.copy(bytes)
    record.move(count, to: output)
    output.touch(record.id)
    if count >= FloodGuard.usefulBytes || Self.ends(head) { guardian.sawProgress() }
    return 0
  }

  private static func ends(_ head: nghttp2_frame_hd) -> Bool {
    UInt32(head.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
  }
}
