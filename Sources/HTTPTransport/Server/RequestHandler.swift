package import EventLoop
package import HTTPCore

/// What a server does with its requests. One instance for each loop, used on that loop only.
package protocol RequestHandler: AnyObject {
  /// Answers one request.
  ///
  /// An error that is thrown before the response has begun becomes a 500, or, where reading the body threw it, the status that
  /// names the client's fault. After that it cuts the connection.
  func handle(_ exchange: ServerExchange) async throws

  /// The exchange that `handle` was given is over: its response is out, or will never be.
  func ended(_ exchange: ServerExchange)

  /// What a response holds beside its text when the request, or its body, could not be read.
  ///
  /// - Parameters:
  ///   - reason: holds nothing of the request.
  ///   - peer: who sent it.
  ///   - exchange: that which `handle` was given; nil when not even the head could be read, and `handle` never sees the
  ///     request.
  func fields(ofRefusal status: Int, _ reason: String, from peer: SocketAddress, on exchange: ServerExchange?) -> Fields
}

extension RequestHandler {
  package func ended(_ exchange: ServerExchange) {}

  package func fields(
    ofRefusal status: Int, _ reason: String, from peer: SocketAddress, on exchange: ServerExchange?
  ) -> Fields { Fields() }
}
