import CNghttp2

/// One side of an HTTP/2 connection (RFC 9113) over nghttp2: bytes in, events and bytes out. Confined to its owner.
///
/// `receive` and `fill` append to `events`; the owner handles those afterwards and may call anything then. What a peer can
/// make this object hold is bounded: streams by `concurrentStreams`, unread bytes by the windows (they stay with the owner;
/// here they are only counted), one header block by `MessageLimits`, and answers to control frames by the owner, who stops
/// receiving while `isBacklogged`. `FloodGuard` ends connections that only make work.
package final class HTTP2Session {
  /// Control frames that may wait to be sent before reading is to stop.
  private static let backlogLimit = 256

  package let configuration: HTTP2Configuration
  /// What has happened, oldest first. Handled, and emptied, by the owner.
  package var events: [HTTP2Event] = []
  /// What `fill` has put together.
  package let output = HTTP2Output()

  /// The library's session; freed by `deinit`, with which the callbacks end.
  var session: OpaquePointer?
  var records: [Int32: StreamRecord] = [:]
  /// The header block that is being read: one at a time (RFC 9113, 4.3).
  var block: FieldBlock?
  var guardian = FloodGuard()
  var fields = FieldList()
  private var isTerminated = false
  private var connectionUnread = 0

  package init(_ configuration: HTTP2Configuration) throws(HTTP2Error) {
    self.configuration = configuration
    session = try Self.makeSession(configuration, Unmanaged.passUnretained(self).toOpaque())
    try submitSettings()
  }

  deinit { nghttp2_session_del(session) }

  private static func makeSession(_ configuration: HTTP2Configuration, _ owner: UnsafeMutableRawPointer)
    throws(HTTP2Error) -> OpaquePointer?
  {
    var callbacks: OpaquePointer?
    var options: OpaquePointer?
    try check(nghttp2_session_callbacks_new(&callbacks))
    defer { nghttp2_session_callbacks_del(callbacks) }
    try check(nghttp2_option_new(&options))
    defer { nghttp2_option_del(options) }
    setCallbacks(callbacks)
    nghttp2_option_set_no_auto_window_update(options, 1)
    nghttp2_option_set_no_closed_streams(options, 1)
    nghttp2_option_set_max_reserved_remote_streams(options, 0)
    // Behind the limits of `FloodGuard`, whose GOAWAY says why.
    nghttp2_option_set_max_outbound_ack(options, 4_000)
    nghttp2_option_set_max_settings(options, 32)
    var session: OpaquePointer?
    switch configuration.role {
    case .client: try check(nghttp2_session_client_new2(&session, callbacks, owner, options))
    case .server: try check(nghttp2_session_server_new2(&session, callbacks, owner, options))
    }
    return session
  }

  private func submitSettings() throws(HTTP2Error) {
    func entry(_ id: nghttp2_settings_id, _ value: Int) -> nghttp2_settings_entry {
      nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: UInt32(value))
    }
    var entries = [
      entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, configuration.streamWindow),
      entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, MessageLimits.headBytes),
    ]
    switch configuration.role {
    case .server:
      entries.append(entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, configuration.concurrentStreams))
      // No tree of priorities for the client to build and rebuild.
      entries.append(entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1))
    case .client: entries.append(entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
    }
    try Self.check(nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), entries, entries.count))
    try Self.check(
      nghttp2_session_set_local_window_size(
        session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Int32(configuration.connectionWindow)))
  }

  static func check(_ result: CInt) throws(HTTP2Error) {
    if result < 0 { throw HTTP2Error(reason: String(cString: nghttp2_strerror(result))) }
  }

  // MARK: Bytes

  /// Takes in what came from the peer, all of it. Events of body bytes point into `bytes`.
  /// - Throws: when the connection is of no more use; nothing need be sent any more.
  package func receive(_ bytes: UnsafeRawBufferPointer) throws(HTTP2Error) {
    guard let start = bytes.baseAddress, !isTerminated else { return }
    let used = nghttp2_session_mem_recv(session, start.assumingMemoryBound(to: UInt8.self), bytes.count)
    if guardian.isFlooded {
      terminate(.enhanceYourCalm)
      return
    }
    if used < 0 { try Self.check(CInt(used)) }
    creditConnection()
  }

  /// Puts what is to be sent into `output`, as far as there is room; `output` must have been reset and sent.
  package func fill() throws(HTTP2Error) {
    var start: UnsafePointer<UInt8>?
    while output.hasRoom(bytes: Self.frameBytes, pieces: 1) {
      let count = nghttp2_session_mem_send(session, &start)
      if count < 0 { try Self.check(CInt(count)) }
      guard count > 0 else { break }
      output.copy(UnsafeRawBufferPointer(start: start, count: count))
    }
    creditConnection()
  }

  /// The longest run that the library hands out at once: a frame of the least maximal size, with its head and padding.
  private static let frameBytes = 16_384 + 9 + 256

  /// So many answers wait to be sent that nothing more should be received.
  package var isBacklogged: Bool { nghttp2_session_get_outbound_queue_size(session) > Self.backlogLimit }

  /// False when the connection has nothing more to say or to hear: it is to be closed once `output` is out.
  package var isLive: Bool {
    nghttp2_session_want_read(session) != 0 || nghttp2_session_want_write(session) != 0
  }

  /// `fill` would find something, or might.
  package var wantsToSend: Bool { nghttp2_session_want_write(session) != 0 }

  /// A header block has begun and not ended.
  package var isInsideHead: Bool { block != nil }

  /// New streams that the peer takes now, beside those that are open.
  package var freeStreams: Int {
    let limit = nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
    return max(0, Int(limit) - records.count)
  }

  /// Streams that are open.
  package var streamCount: Int { records.count }

  /// Whether this client's session has stream numbers left and was not told to go away.
  package var mayRequest: Bool { !isTerminated && nghttp2_session_check_request_allowed(session) != 0 }

  // MARK: Flow control

  /// The owner has done with `count` body bytes of a stream: as many more may come.
  package func consume(_ count: Int, of stream: Int32) {
    connectionUnread -= count
    if let record = records[stream] {
      record.unread -= count
      credit(record)
    }
    creditConnection()
  }

  /// The owner has dropped `count` body bytes of a stream that nobody reads: the stream gets no more, the connection does.
  package func drop(_ count: Int) {
    connectionUnread -= count
    creditConnection()
  }

  func sawData(_ count: Int, _ record: StreamRecord) {
    record.unread += count
    record.receivedSinceGrowth += count
    connectionUnread += count
  }

  /// Grants a stream what its reader has taken, a quarter of the window at a time. A reader that has taken a whole window
  /// and keeps up gets twice as much.
  private func credit(_ record: StreamRecord) {
    guard !record.peerHasEnded else { return }
    let due = Int(nghttp2_session_get_stream_effective_recv_data_length(session, record.id)) - record.unread
    guard due * 4 >= record.window else { return }
    if record.unread * 4 <= record.window, record.receivedSinceGrowth >= record.window,
      record.window < configuration.largestStreamWindow
    {
      record.window = min(2 * record.window, configuration.largestStreamWindow)
      record.receivedSinceGrowth = 0
      _ = nghttp2_session_set_local_window_size(
        session, UInt8(NGHTTP2_FLAG_NONE.rawValue), record.id, Int32(record.window))
    }
    _ = nghttp2_submit_window_update(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), record.id, Int32(due))
  }

  /// Grants the connection all but what lies unread beyond the limit. Judged by the library's own count, so that padding and
  /// bytes of streams that are gone come back, too.
  private func creditConnection() {
    let received = Int(nghttp2_session_get_effective_recv_data_length(session))
    let due = received - min(received, max(0, connectionUnread - configuration.unreadLimit))
    guard due * 4 >= configuration.connectionWindow, !isTerminated else { return }
    _ = nghttp2_submit_window_update(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Int32(due))
  }

  // MARK: Ends

  /// Breaks one stream off. What was queued for it is dropped.
  package func reset(_ stream: Int32, _ code: HTTP2ErrorCode) {
    guard let record = records[stream] else { return }
    record.dropQueued()
    _ = nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, code.rawValue)
  }

  /// Tells the peer that no new streams are taken; those that run may end.
  package func goAway() {
    _ = nghttp2_submit_goaway(
      session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nghttp2_session_get_last_proc_stream_id(session),
      HTTP2ErrorCode.noError.rawValue, nil, 0)
  }

  /// Ends the connection: GOAWAY is the last that is sent.
  package func terminate(_ code: HTTP2ErrorCode) {
    guard !isTerminated else { return }
    isTerminated = true
    _ = nghttp2_session_terminate_session(session, code.rawValue)
  }
}
