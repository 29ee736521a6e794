/// What a server does with its requests. One instance for each loop, used on that loop only.
package protocol RequestHandler: AnyObject {
  /// Answers one request. An error that is thrown before the response has begun becomes a 500; after, it cuts the connection.
  func handle(_ exchange: ServerExchange) async throws
}
