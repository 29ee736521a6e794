package import HTTPCore

/// What a server does with its requests. One instance for each loop, used on that loop only.
package protocol RequestHandler: AnyObject {
  /// Answers one request.
  ///
  /// An error that is thrown before the response has begun becomes a 500, or, where reading the body threw it, the status that
  /// names the client's fault. After that it cuts the connection.
  func handle(_ exchange: ServerExchange) async throws

  /// What a response holds beside its text when the request could not be read; `handle` never sees such a request.
  ///
  /// - Parameter reason: holds nothing of the request.
  func fields(ofRefusal status: Int, _ reason: String) -> Fields
}

extension RequestHandler {
  package func fields(ofRefusal status: Int, _ reason: String) -> Fields { Fields() }
}
