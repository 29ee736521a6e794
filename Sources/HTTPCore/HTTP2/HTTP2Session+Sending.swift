import CNghttp2

extension HTTP2Session {
  /// Begins a request. What follows by `send` is its body.
  ///
  /// - Parameters:
  ///   - lines: the fields as a `HeadWriter` wrote them, `Host` among them.
  ///   - framing: `.none` ends the stream with its head.
  /// - Returns: the number of the stream.
  package func request(
    _ method: Method, _ target: String, isSecure: Bool, _ framing: BodyFraming, _ lines: UnsafeRawBufferPointer
  ) throws(HTTP2Error) -> Int32 {
    fields.removeAll()
    let scheme: FieldName = isSecure ? "https" : "http"
    var target = PercentCoding.clean(target: target)
    let number = withFieldStorage(method.rawValue, &target, framing) { method, target, length in
      fields.append(":method", method)
      fields.append(":scheme", scheme.bytes)
      // In its place before the fields, whatever comes of it.
      var rest = FieldList()
      let host = rest.append(lines: lines)
      if let host { fields.append(":authority", host) }
      fields.append(":path", target)
      fields.append(contentsOf: rest)
      if let length { fields.append(.contentLength, length) }
      return submit(hasBody: framing != .none) { provider in
        nghttp2_submit_request(session, nil, fields.entries, fields.entries.count, provider, nil)
      }
    }
    try Self.check(number)
    records[number] = StreamRecord(number, method, window: configuration.streamWindow)
    if framing == .none { records[number]?.ends = true }
    return number
  }

  /// Begins the response on a stream. What follows by `send` is its body.
  ///
  /// - Parameter framing: `.none` ends the stream with its head.
  package func respond(
    on stream: Int32, status: Int, _ framing: BodyFraming, hasBody: Bool, _ lines: UnsafeRawBufferPointer
  ) throws(HTTP2Error) {
    guard let record = records[stream] else { return }
    fields.removeAll()
    var status = String(status)
    let result = withFieldStorage("", &status, framing) { _, status, length in
      fields.append(":status", status)
      _ = fields.append(lines: lines)
      if let length { fields.append(.contentLength, length) }
      return submit(hasBody: hasBody) { provider in
        nghttp2_submit_response(session, stream, fields.entries, fields.entries.count, provider)
      }
    }
    try Self.check(result)
    if !hasBody { record.ends = true }
  }

  /// Sends a 1xx response without fields.
  package func inform(on stream: Int32, status: Int) {
    fields.removeAll()
    var status = String(status)
    status.withUTF8 { status in
      fields.append(":status", UnsafeRawBufferPointer(status))
      _ = nghttp2_submit_headers(
        session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, nil, fields.entries, fields.entries.count, nil)
    }
  }

  /// Queues a body piece. Its memory must stay until `hasUnsent` is false and `output` was sent, or the stream is reset and
  /// `output` was sent, or the connection is gone.
  package func send(_ piece: UnsafeRawBufferPointer, on stream: Int32) { records[stream]?.queue(piece) }

  /// Lets the library know of what was queued.
  /// - Parameter ends: the body ends with it.
  package func commit(_ stream: Int32, ends: Bool) {
    guard let record = records[stream] else { return }
    if ends { record.ends = true }
    guard record.isDeferred, record.queuedBytes > 0 || record.ends else { return }
    record.isDeferred = false
    _ = nghttp2_session_resume_data(session, stream)
  }

  /// Whether something that was queued on the stream has not come out of `fill`.
  package func hasUnsent(_ stream: Int32) -> Bool { records[stream]?.hasUnsent ?? false }

  // MARK: The library's calls

  private func submit(hasBody: Bool, _ call: (UnsafePointer<nghttp2_data_provider>?) -> Int32) -> Int32 {
    guard hasBody else { return call(nil) }
    var provider = nghttp2_data_provider()
    provider.read_callback = { _, stream, _, limit, flags, _, owner in
      HTTP2Session.of(owner)?.nextData(stream, limit, flags) ?? Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
    }
    return call(&provider)
  }

  /// How much of a stream's body the next frame takes. `nghttp2_data_source_read_callback`.
  private func nextData(_ stream: Int32, _ limit: Int, _ flags: UnsafeMutablePointer<UInt32>?) -> Int {
    guard let record = records[stream], let flags else { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
    let bytes = record.nextFrame(limit: limit).bytes
    guard bytes > 0 || record.ends else {
      record.isDeferred = true
      return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    }
    flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
    if record.ends, bytes == record.queuedBytes { flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
    return bytes
  }

  /// Lends what lives no longer than the call: two texts and the digits of the length.
  private func withFieldStorage<Result>(
    _ first: String, _ second: inout String, _ framing: BodyFraming,
    _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer, UnsafeRawBufferPointer?) -> Result
  ) -> Result {
    var first = first
    return first.withUTF8 { first in
      second.withUTF8 { second in
        guard case .length(let length) = framing else {
          return body(UnsafeRawBufferPointer(first), UnsafeRawBufferPointer(second), nil)
        }
        var digits = String(length)
        return digits.withUTF8 {
          body(UnsafeRawBufferPointer(first), UnsafeRawBufferPointer(second), UnsafeRawBufferPointer($0))
        }
      }
    }
  }
}
