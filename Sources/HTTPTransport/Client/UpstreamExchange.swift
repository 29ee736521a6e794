package import EventLoop
package import HTTPCore

/// One request to an origin and its response, on a connection of either version of HTTP: what `UpstreamPool` hands out.
///
/// The order of calls: `send`, then `writeBody` until the last piece or `flush`, then `receiveHead` and `readBody`. Writing
/// and reading may be done by two tasks, one each. It ends by `release` or `close`. Confined to its loop.
package protocol UpstreamExchange: AnyObject {
  var origin: Origin { get }
  /// A list for the pieces of the response's body.
  var pieces: GatherList { get }
  /// The connection has carried requests before, or refused this one: it may have been about to close.
  var isReused: Bool { get }
  /// The peer has seen the request: sending it again would repeat it.
  var hasAnswered: Bool { get }
  var isOpen: Bool { get }
  /// What it took to open the connection; nil when it was not opened for this exchange.
  var setup: ConnectionSetup? { get }

  /// Composes a request head; it goes out with the first body bytes or by `flush`.
  func send(_ method: Method, _ target: String, _ framing: BodyFraming, _ fields: (inout HeadWriter) -> Void)

  /// Sends body pieces and waits until they are out; `list` is empty afterwards.
  /// - Throws: also `.closed` when more or less is written than the head declared.
  func writeBody(_ list: GatherList, isLast: Bool, idle: Duration) async throws(TransportError)

  /// Sends what is composed.
  func flush(idle: Duration) async throws(TransportError)

  /// Waits for the response to begin, up to `patience`. The peer's closing counts as that: the head's reader tells.
  /// - Returns: false when nothing came. All is as it was.
  func responseBegins(within patience: Duration) async throws(TransportError) -> Bool

  /// Waits for the response's head, passing over 1xx responses, at most eight.
  ///
  /// - Parameters:
  ///   - method: of the request.
  ///   - firstByte: how long it may take to begin.
  ///   - rest: how long the whole head may take from then on.
  func receiveHead(to method: Method, firstByte: Duration, rest: Duration) async throws(TransportError) -> ResponseHead

  /// Lends the next bytes of the response's body: pieces that are valid until the next call.
  /// - Returns: false at the end of the body, with nothing in `list`.
  func readBody(into list: GatherList, idle: Duration) async throws(TransportError) -> Bool

  /// Lets the pieces lent last be valid until what this returns goes, however much is read meanwhile. Nil when that cannot
  /// be done just now.
  func leavePieces() -> LentMemory?

  /// The response's body has been read to its end.
  var isBodyRead: Bool { get }

  /// Bytes have come behind the end of the response: nobody asked for them, and they make the response doubtful, too.
  var hasSurplus: Bool { get }

  /// Ends the exchange and lets the connection go on to others where that is possible.
  func release(to pool: UpstreamPool)

  /// Breaks the exchange off. Whoever waits on it gets an error.
  func close()
}
