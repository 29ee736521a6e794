/// What a session has to tell after bytes were received or sent.
package enum HTTP2Event {
  /// A request has come. `isEnded`: it has no body.
  case request(stream: Int32, RequestHead, isEnded: Bool)
  /// A request that is whole and not to be served: it is to be answered with the status of the error.
  case refused(stream: Int32, HTTPParseError)
  /// The response to a request of this side; 1xx responses were passed over.
  case response(stream: Int32, ResponseHead, isEnded: Bool)
  /// Body bytes, in the memory that was received: valid until the caller of `receive` takes that back.
  case data(stream: Int32, UnsafeRawBufferPointer)
  /// The peer has ended the stream on its side; its trailers, if any, were dropped.
  case ended(stream: Int32)
  /// The peer's message broke the rules. The stream is being reset.
  case malformed(stream: Int32, HTTPParseError)
  /// The stream is over: in good order on both sides, or reset.
  case closed(stream: Int32, HTTP2ErrorCode, byPeer: Bool)
  /// The peer takes no new streams, and has not looked at those above `lastStream`.
  case goAway(lastStream: Int32, HTTP2ErrorCode)
}
